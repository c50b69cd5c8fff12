module multicast_exporter/stacks

go 1.19

require (
	github.com/brutella/dnssd v1.2.10
	github.com/grandcat/zeroconf v1.0.0
	github.com/hashicorp/mdns v1.0.5
	github.com/pion/mdns/v2 v2.0.7
	golang.org/x/net v0.26.0
)

require (
	github.com/cenkalti/backoff v2.2.1+incompatible // indirect
	github.com/miekg/dns v1.1.61 // indirect
	github.com/pion/logging v0.2.2 // indirect
	golang.org/x/mod v0.18.0 // indirect
	golang.org/x/sync v0.7.0 // indirect
	golang.org/x/sys v0.21.0 // indirect
	golang.org/x/tools v0.22.0 // indirect
)
