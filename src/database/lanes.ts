import pg from 'pg'
import { AppError, errorCode } from '../errors.ts'
import { applySettings, isStale, runOn, socketOf } from './statement.ts'

/** How many statements may wait on a connection of a lane, and for how long. Beyond that they fail with 503. */
export const laneLimits = { waiting: 500, waitMs: 2800 }

/**
 * Connections that send each statement without waiting for the results of those before (pipelining), which takes half
 * the time of a pool. The statements of a connection run one after another, so each must be fast.
 */
export type Lane = {
  /** Runs a statement on the connection with the fewest waiting. */
  run: <Row extends object>(query: pg.QueryConfig) => Promise<Row[]>
  close: () => Promise<void>
}

type LaneOptions = { connections: number; onError: (error: Error) => void }

export function openLane(config: pg.ClientConfig, { connections, onError }: LaneOptions): Lane {
  const slots = Array.from({ length: connections }, () => openSlot(config, onError))
  return {
    run: (query) => leastBusy(slots).run(query),
    close: async () => {
      await Promise.all(slots.map((slot) => slot.close()))
    },
  }
}

function leastBusy(slots: Slot[]): Slot {
  return slots.reduce((best, slot) => (slot.waiting() < best.waiting() ? slot : best))
}

/** A place for a connection, which is opened when needed and replaced when it is lost. */
type Slot = Lane & { waiting: () => number }

/** `sentAt` has the time at which each waiting statement was sent, the oldest first. */
type Connection = { client: pg.Client; opening: Promise<unknown> | undefined; sentAt: number[] }

function openSlot(config: pg.ClientConfig, onError: LaneOptions['onError']): Slot {
  let current: Connection | undefined

  function open(): Connection {
    const client = new pg.Client({ ...config, pipeline: true })
    const connection: Connection = { client, opening: undefined, sentAt: [] }
    const forget = () => {
      if (current === connection) current = undefined
    }
    client.on('error', (error) => {
      forget()
      onError(error)
    })
    closeWhenOverdue(connection)
    connection.opening = client
      .connect()
      .then(() => applySettings(client))
      .then(() => {
        connection.opening = undefined
      })
      .catch((error: unknown) => {
        forget()
        retire(connection)
        throw error
      })
    return connection
  }

  async function run<Row extends object>(query: pg.QueryConfig, sentAt = performance.now()): Promise<Row[]> {
    current ??= open()
    const connection = current
    if (connection.sentAt.length >= laneLimits.waiting) throw tooBusy()
    connection.sentAt.push(sentAt)
    try {
      if (connection.opening) await connection.opening
      return await runOn<Row>(connection.client, query)
    } catch (error) {
      const canRunAgain = query.name !== undefined && isStale(error)
      if (current === connection && (canRunAgain || isOnWrongServer(error))) {
        current = undefined
        retire(connection)
      }
      if (!canRunAgain) throw error
      return await run<Row>({ text: query.text, values: query.values ?? [] }, sentAt)
    } finally {
      connection.sentAt.shift()
    }
  }

  return {
    run: (query) => run(query),
    waiting: () => current?.sentAt.length ?? 0,
    close: async () => current?.client.end(),
  }
}

/** SQLSTATE 57P (the server is stopping or starting) or 25006 (a standby): after a failover, another one may be in its place. */
function isOnWrongServer(error: unknown): boolean {
  return /^(57P|25006)/.test(errorCode(error))
}

/** Closes a connection once the statements sent on it have finished. */
function retire({ client }: Connection): void {
  client.end().catch(() => {})
}

/**
 * Closes a connection, and so fails what waits on it, if the server is silent or the statements before took too long. A
 * process that was itself suspended reads what has arrived before it decides.
 */
function closeWhenOverdue({ client, sentAt }: Connection): void {
  const isOverdue = () => {
    const [oldest] = sentAt
    return oldest !== undefined && performance.now() - oldest > laneLimits.waitMs
  }
  const timer = setInterval(() => {
    if (isOverdue()) setImmediate(() => isOverdue() && socketOf(client).destroy())
  }, 200)
  timer.unref()
  client.once('end', () => clearInterval(timer))
}

function tooBusy(): AppError {
  return new AppError(
    'ServiceUnavailableError',
    'Too many requests are waiting for the database. Try again in a moment.',
    {
      headers: { 'retry-after': '2' },
    },
  )
}
