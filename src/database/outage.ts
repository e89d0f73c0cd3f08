import pg from 'pg'
import { AppError, errorCode } from '../errors.ts'

/** Throws `ServiceUnavailableError` in place of an error which says that the server could not run a statement. */
export function rethrow(error: unknown): never {
  if (!isOutage(error)) throw error
  throw new AppError('ServiceUnavailableError', 'The database is not responding. Try again in a moment.', {
    headers: { 'retry-after': '2' },
    cause: error,
  })
}

/**
 * No response, or SQLSTATE 08 (connection), 40 (rolled back in favor of another transaction, such as a deadlock), 53
 * (out of resources, such as a full disk), 57P (shutdown), 57014 (statement timeout), 58 (I/O error) or 25006 (a
 * standby).
 */
function isOutage(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(08|40|53|57P|57014|58|25006)/.test(error.code ?? '')
  if (!(error instanceof Error)) return false
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/.test(errorCode(error)) ||
    connectionLost.test(error.message)
  )
}

/** The messages of `pg`, without a code, for a lost connection and a timeout. */
const connectionLost =
  /Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|not queryable/
