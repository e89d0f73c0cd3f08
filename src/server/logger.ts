import { type Logger, pino } from 'pino'
import type { Config } from '../config/config.ts'

export type { Logger } from 'pino'

/** Creates a logger that writes readable lines for a terminal or, in production, JSON for log collectors. */
export async function createLogger({ production, logLevel }: Pick<Config, 'production' | 'logLevel'>): Promise<Logger> {
  if (production) return pino({ level: logLevel, base: { pid: process.pid }, serializers: { err: serializeError } })
  const { default: pretty } = await import('pino-pretty')
  const lines = pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss', singleLine: true })
  return pino({ level: logLevel, serializers: { err: serializeError } }, lines)
}

/** Leaves out the members of a PostgreSQL error that quote values, such as "Key (email)=(ada@example.org) already exists". */
function serializeError(error: Error): object {
  const { detail: _, where: __, ...rest } = pino.stdSerializers.err(error)
  return rest
}
