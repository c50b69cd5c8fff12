// Announces one service or browses with multicast-dns until it is told to end. multicast-dns by
// itself only sends and receives: bonjour-service, by the same hands, makes a responder of it.
//
// announce INSTANCE HOST PORT ADDRESS | browse ADDRESS; both of _ipp._tcp.
'use strict'

const { Bonjour } = require('bonjour-service')

const [command, ...rest] = process.argv.slice(2)
const bonjour = new Bonjour()
if (command === 'announce') {
  const [instance, host, port, id] = rest
  const txt = { id }
  const options = { name: instance, host: `${host}.local`, type: 'ipp', port: Number(port), txt }
  bonjour.publish(options).on('up', () => console.log('announced', instance))
} else {
  const browser = bonjour.find({ type: 'ipp' })
  browser.on('up', (s) => console.log('found', s.fqdn, ...(s.addresses || []), s.port))
  browser.on('down', (s) => console.log('lost', s.fqdn))
}
process.on('SIGTERM', () => {
  bonjour.unpublishAll(() => bonjour.destroy(() => process.exit(0)))
})
setInterval(() => {}, 1000)
