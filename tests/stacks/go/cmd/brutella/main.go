// Announces one service or browses with brutella/dnssd until it is told to end.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/brutella/dnssd"

	"multicast_exporter/stacks/peer"
)

func main() {
	until := peer.UntilEnd()
	if s := peer.Announced(); s != nil {
		responder, err := dnssd.NewResponder()
		peer.Must(err)
		service, err := dnssd.NewService(dnssd.Config{
			Name: s.Instance, Type: peer.Kind, Host: s.Host, Port: s.Port,
			Text: map[string]string{"id": s.Address.String()}, Ifaces: []string{peer.Interface},
		})
		peer.Must(err)
		_, err = responder.Add(service)
		peer.Must(err)
		fmt.Println("announced", s.Instance)
		ends(responder.Respond(until))
		return
	}
	added := func(entry dnssd.BrowseEntry) {
		fmt.Println("found", entry.ServiceInstanceName(), entry.IPs, entry.Port)
	}
	removed := func(entry dnssd.BrowseEntry) { fmt.Println("lost", entry.ServiceInstanceName()) }
	ends(dnssd.LookupType(until, peer.Kind+".local.", added, removed))
}

// It was told to end: that is no error.
func ends(err error) {
	if !errors.Is(err, context.Canceled) {
		peer.Must(err)
	}
}
