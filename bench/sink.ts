/**
 * An SMTP server that accepts everything, as a separate process: `node bench/sink.ts PORT DELAY`. For each mail it prints
 * a line `RECIPIENT TOKEN`, with the token of its reset link or `-`. A number on stdin is a new delay, in milliseconds
 * before each 250. It exits when stdin ends.
 */
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'

const port = Number(process.argv[2])
let delay = Number(process.argv[3])

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  async onData(stream, session, accepted) {
    const mail = (await buffer(stream)).toString('latin1')
    const token = readResetToken(mail) ?? '-'
    if (delay > 0) await setTimeout(delay)
    for (const { address } of session.envelope.rcptTo) console.log(`${address} ${token}`)
    accepted()
  },
})
server.on('error', () => {}) // connections that the sender breaks off
server.listen(port, '127.0.0.1', () => console.log('ready'))

createInterface({ input: process.stdin })
  .on('line', (line) => {
    delay = Number(line)
  })
  .on('close', () => process.exit())

function readResetToken(mail: string): string | undefined {
  const unfolded = mail.replaceAll('=\r\n', '') // quoted-printable, RFC 2045, 6.7
  return /\/reset\/([A-Za-z0-9]{26})/.exec(unfolded)?.[1]
}
