// Package peer is what the programs beside it share: their arguments and how they are ended.
//
// announce INSTANCE HOST PORT ADDRESS | browse ADDRESS; both of _ipp._tcp.
package peer

import (
	"context"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// Kind is the type of the service.
const Kind = "_ipp._tcp"

// Interface is what the network of the box has.
const Interface = "eth0"

// Service is what is to be announced.
type Service struct {
	Instance, Host string
	Port           int
	Address        net.IP
}

// Announced is the service that the arguments name, or nil if they say to browse.
func Announced() *Service {
	switch {
	case len(os.Args) == 6 && os.Args[1] == "announce":
		port, err := strconv.Atoi(os.Args[4])
		Must(err)
		return &Service{os.Args[2], os.Args[3], port, net.ParseIP(os.Args[5])}
	case len(os.Args) == 3 && os.Args[1] == "browse":
		return nil
	}
	log.Fatal("announce INSTANCE HOST PORT ADDRESS | browse ADDRESS")
	return nil
}

// UntilEnd is done when the process is told to end.
func UntilEnd() context.Context {
	until, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	return until
}

// Eth0 is the interface of that name.
func Eth0() *net.Interface {
	found, err := net.InterfaceByName(Interface)
	Must(err)
	return found
}

// Must ends the process if there is an error.
func Must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
