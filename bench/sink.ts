/**
 * An SMTP server that accepts everything, as a process of its own: `node bench/sink.ts PORT DELAY`. It writes a line
 * `RECIPIENT TOKEN` for each mail, where TOKEN is that of the reset link in it, or `-`. A number on its standard input
 * is a new delay, the milliseconds that each mail waits for its 250. It ends when its standard input does.
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
