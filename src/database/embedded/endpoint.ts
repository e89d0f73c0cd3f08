import { join } from 'node:path'
import getPort from 'get-port'

/** Where a server listens: the folder of its Unix socket, or an IP address. */
export type Endpoint = { host: string; port: number }

/**
 * Returns where to listen: on a socket in the data directory, which other users of the machine cannot enter. On Windows,
 * and if the path is too long for a socket, on a free port of 127.0.0.1, which anybody on the machine can connect to.
 */
export async function chooseEndpoint(directory: string, { tcp }: { tcp: boolean }): Promise<Endpoint> {
  const socket = { host: directory, port: 5432 }
  const fits = Buffer.byteLength(socketFile(socket)) <= maxSocketPath
  if (!tcp && fits && process.platform !== 'win32') return socket
  return { host: '127.0.0.1', port: await getPort({ host: '127.0.0.1' }) }
}

/** In bytes, on macOS; Linux allows four more. */
const maxSocketPath = 103

export function isSocket({ host }: Endpoint): boolean {
  return host.startsWith('/')
}

export function socketFile({ host, port }: Endpoint): string {
  return join(host, `.s.PGSQL.${port}`)
}
