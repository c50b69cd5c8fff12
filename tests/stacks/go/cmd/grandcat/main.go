// Announces one service or browses with grandcat/zeroconf until it is told to end.
package main

import (
	"fmt"
	"net"

	"github.com/grandcat/zeroconf"

	"multicast_exporter/stacks/peer"
)

func main() {
	until, eth0 := peer.UntilEnd(), []net.Interface{*peer.Eth0()}
	if s := peer.Announced(); s != nil {
		server, err := zeroconf.RegisterProxy(s.Instance, peer.Kind, "local.", s.Port, s.Host,
			[]string{s.Address.String()}, []string{"id=" + s.Address.String()}, eth0)
		peer.Must(err)
		fmt.Println("announced", s.Instance)
		<-until.Done()
		server.Shutdown()
		return
	}
	resolver, err := zeroconf.NewResolver(zeroconf.SelectIfaces(eth0))
	peer.Must(err)
	found := make(chan *zeroconf.ServiceEntry)
	go func() {
		for entry := range found {
			fmt.Println("found", entry.ServiceInstanceName(), entry.AddrIPv4, entry.Port)
		}
	}()
	peer.Must(resolver.Browse(until, peer.Kind, "local.", found))
	<-until.Done()
}
