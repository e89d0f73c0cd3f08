import { once } from 'node:events'
import { connect } from 'node:net'

export type Answer = { status: number; head: string; body: string }

export type Client = {
  /** Sends one request and waits for its answer; the connection stays open for the next. */
  send: (request: string) => Promise<Answer>
  close: () => void
}

/**
 * A bare HTTP/1.1 client for one request at a time. It shares the processor with what it measures, and what it costs
 * brings every ratio nearer to 1, so it does as little as it can: answers other than 304 must have a Content-Length (RFC
 * 9112, 6.2).
 */
export async function openClient(port: number): Promise<Client> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  socket.setEncoding('latin1')

  let received = ''
  let waiting: PromiseWithResolvers<Answer> | undefined
  socket.on('data', (chunk: string) => {
    received += chunk
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = received.slice(0, end)
    const status = Number(head.slice(9, 12))
    const length = status === 304 ? '0' : /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    const body = received.slice(end + 4)
    if (!length) socket.destroy(new Error(`an answer without a length:\n${head}`))
    if (!length || body.length < Number(length)) return
    received = ''
    waiting?.resolve({ status, head, body })
  })
  socket.on('error', (error) => waiting?.reject(error))
  socket.on('close', () => waiting?.reject(new Error(`the connection to port ${port} was closed`)))

  return {
    send(request) {
      waiting = Promise.withResolvers<Answer>()
      socket.write(request)
      return waiting.promise
    },
    close: () => socket.destroy(),
  }
}

/** One request on a connection of its own. */
export async function ask(port: number, request: string): Promise<Answer> {
  const client = await openClient(port)
  try {
    return await client.send(request)
  } finally {
    client.close()
  }
}

export function get(path: string, { etag }: { etag?: string | undefined } = {}): string {
  const condition = etag === undefined ? '' : `If-None-Match: ${etag}\r\n`
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${condition}\r\n`
}

export function post(path: string, body: object, bearer?: string): string {
  const json = JSON.stringify(body)
  const authorization = bearer ? `Authorization: Bearer ${bearer}\r\n` : ''
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${authorization}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`
}

/** A text member of a JSON object, of an answer that must be a success. */
export function readMember(answer: Answer, name: string): string {
  expectSuccess(answer)
  const body: unknown = JSON.parse(answer.body)
  const member = body && typeof body === 'object' ? new Map(Object.entries(body)).get(name) : undefined
  if (typeof member !== 'string') throw new Error(`no ${name} in ${answer.body}`)
  return member
}

/** A benchmark of refusals measures nothing, so that the first one ends it. */
export function expectSuccess(answer: Answer): void {
  if (answer.status !== 200 && answer.status !== 304)
    throw new Error(`answered ${answer.status}: ${answer.body.slice(0, 500)}`)
}
