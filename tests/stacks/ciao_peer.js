// Announces one service with ciao until it is told to end. The library has no browser.
//
// announce INSTANCE HOST PORT ADDRESS, of _ipp._tcp.
'use strict'

const { getResponder } = require('@homebridge/ciao')

const [command, name, hostname, port, id] = process.argv.slice(2)
if (command !== 'announce') throw new Error('announce INSTANCE HOST PORT ADDRESS')
// By itself it looks for an interface whose router it knows, and there is none here.
const responder = getResponder({ interface: 'eth0' })
const options = { name, hostname, type: 'ipp', port: Number(port), txt: { id } }
const service = responder.createService(options)
service.on('name-change', (changed) => console.log('renamed', changed))
service.on('hostname-change', (changed) => console.log('host renamed', changed))
service.advertise().then(() => console.log('announced', service.getFQDN()))
process.on('SIGTERM', () => {
  responder.shutdown().then(() => process.exit(0))
})
