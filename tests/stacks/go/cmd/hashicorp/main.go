// Answers for one service or looks for services with hashicorp/mdns until it is told to end. The
// library neither probes, announces nor says goodbye, and looks once: who wants to know looks again.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/hashicorp/mdns"

	"multicast_exporter/stacks/peer"
)

func main() {
	until := peer.UntilEnd()
	if s := peer.Announced(); s != nil {
		zone, err := mdns.NewMDNSService(s.Instance, peer.Kind, "local.", s.Host+".local.", s.Port,
			[]net.IP{s.Address}, []string{"id=" + s.Address.String()})
		peer.Must(err)
		server, err := mdns.NewServer(&mdns.Config{Zone: zone, Iface: peer.Eth0()})
		peer.Must(err)
		fmt.Println("announced", s.Instance)
		<-until.Done()
		peer.Must(server.Shutdown())
		return
	}
	// It logs each answer that it does not understand.
	log.SetOutput(io.Discard)
	for until.Err() == nil {
		found := make(chan *mdns.ServiceEntry, 16)
		peer.Must(mdns.Query(&mdns.QueryParam{
			Service: peer.Kind, Timeout: time.Second, Entries: found, Interface: peer.Eth0(),
		}))
		close(found)
		for entry := range found {
			fmt.Println("found", entry.Name, entry.AddrV4, entry.Port)
		}
		select {
		case <-until.Done():
		case <-time.After(4 * time.Second):
		}
	}
}
