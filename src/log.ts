import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from './config.ts'

export type { Logger } from 'pino'

/** Lines for a reader in a terminal; JSON in production, for what collects logs. */
export function openLog({ production, logLevel }: Pick<Config, 'production' | 'logLevel'>): Logger {
  if (production) return pino({ level: logLevel, base: { pid: process.pid } })
  const lines = pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss', singleLine: true })
  return pino({ level: logLevel }, lines)
}
