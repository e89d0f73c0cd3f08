import { AppError, type ErrorCode } from '../errors.ts'
import { logRejectedRequest } from '../http/security-log.ts'
import type { MessageKey } from '../i18n/translate.ts'
import { type FormErrors, fieldMessages, waitMs } from './render.ts'

/**
 * For errors that name no field: the form field that each one belongs to, and the message to show there unless it is
 * the error's own.
 */
type FieldOfError = Partial<Record<ErrorCode, { field: string; key?: MessageKey }>>

/** Turns an error into messages for the fields of a form. Rethrows errors that the form cannot show, such as a 5xx. */
export function formErrorsFrom(error: unknown, fieldOfError: FieldOfError = {}): FormErrors {
  if (!(error instanceof AppError)) throw error
  const { status, code, fields = [], headers } = error
  const [first] = fields
  if (first) return { status, errors: fieldMessages(fields), focus: first.field }
  const { field, key = error.messageKey } = fieldOfError[code] ?? {}
  if (!field || !key) throw error
  logRejectedRequest(error)
  return { status, headers, errors: { [field]: { key, values: { waitMs: waitMs(headers) } } }, focus: field }
}

/** For forms that confirm the current password: a wrong one, and one that comes too soon after others. */
export function wrongPassword(field: string): FieldOfError {
  return {
    UnauthorizedError: { field, key: 'page.form.wrong-password' },
    TooManyRequestsError: { field },
  }
}
