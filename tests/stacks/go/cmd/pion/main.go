// Answers for the name of its host or asks for names with pion/mdns until it is told to end. The
// library knows addresses only, no services; it neither probes, announces nor says goodbye.
package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/pion/mdns/v2"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"multicast_exporter/stacks/peer"
)

// Whoever uses it is told the name by other means: WebRTC sends it to the other side.
const asked = "pion.local"

func main() {
	until := peer.UntilEnd()
	config := &mdns.Config{Interfaces: []net.Interface{*peer.Eth0()}}
	s := peer.Announced()
	if s != nil {
		config.LocalNames = []string{s.Host + ".local"}
	}
	connection := open(config)
	if s != nil {
		fmt.Println("announced", s.Host)
		<-until.Done()
	}
	for until.Err() == nil {
		patience, enough := context.WithTimeout(until, 4*time.Second)
		_, address, err := connection.QueryAddr(patience, asked)
		if err == nil {
			fmt.Println("found", asked, address)
		}
		// As often as the other browsers look again.
		<-patience.Done()
		enough()
	}
	peer.Must(connection.Close())
}

func open(config *mdns.Config) *mdns.Conn {
	address4, err := net.ResolveUDPAddr("udp4", mdns.DefaultAddressIPv4)
	peer.Must(err)
	socket4, err := net.ListenUDP("udp4", address4)
	peer.Must(err)
	address6, err := net.ResolveUDPAddr("udp6", mdns.DefaultAddressIPv6)
	peer.Must(err)
	socket6, err := net.ListenUDP("udp6", address6)
	peer.Must(err)
	connection, err := mdns.Server(ipv4.NewPacketConn(socket4), ipv6.NewPacketConn(socket6), config)
	peer.Must(err)
	return connection
}
