import getPort from 'get-port'

/** A port of this machine on which nothing listens. */
export function freePort(): Promise<number> {
  return getPort({ host: '127.0.0.1' })
}
