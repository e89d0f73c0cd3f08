import { once } from 'node:events'
import { connect } from 'node:net'
import type { Answer } from './movie-bag.ts'

/** Sends bytes unchanged, for requests that no HTTP client would send, and returns the first response. */
export async function sendRaw(url: string, bytes: string | Uint8Array): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let received = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    received += chunk
    if (isComplete(received)) socket.end()
  })
  socket.on('error', () => {})
  socket.write(bytes)
  await once(socket, 'close')
  return parseResponse(received)
}

/** Builds the head of a request from its first line, the headers that every request has, and those given. */
export function head(firstLine: string, ...headers: string[]): string {
  return [firstLine, 'host: localhost', 'connection: close', ...headers, '', ''].join('\r\n')
}

function isComplete(received: string): boolean {
  const [top = '', body] = received.split(/\r\n\r\n([\s\S]*)/)
  const length = /^content-length: (\d+)/im.exec(top)?.[1]
  return body !== undefined && length !== undefined && body.length >= Number(length)
}

function parseResponse(received: string): Answer {
  const [top = '', text = ''] = received.split(/\r\n\r\n([\s\S]*)/)
  const [first = '', ...lines] = top.split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1])
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const [name = '', value = ''] = line.split(/: (.*)/)
      return [name, value]
    }),
  )
  const isJson = /json/.test(headers.get('content-type') ?? '')
  return { status, headers, text, body: isJson && text ? JSON.parse(text) : undefined }
}
