import { AppError, type ErrorCode } from '../errors.ts'
import { logRejectedRequest } from '../http/security-log.ts'
import type { MessageKey } from '../i18n/translate.ts'
import { type FormErrors, fieldMessages } from './render.ts'

/** For errors that name no field: the form field that each one belongs to, and the message to show there. */
type FieldOfError = Partial<Record<ErrorCode, { field: string; key: MessageKey }>>

/** Turns an error into messages for the fields of a form. Rethrows errors that the form cannot show, such as a 5xx. */
export function formErrorsFrom(error: unknown, fieldOfError: FieldOfError = {}): FormErrors {
  if (!(error instanceof AppError)) throw error
  const { status, code, fields = [] } = error
  const [first] = fields
  if (first) return { status, errors: fieldMessages(fields), focus: first.field }
  const known = fieldOfError[code]
  if (!known) throw error
  logRejectedRequest(error)
  const { field, key } = known
  return { status, errors: { [field]: { key } }, focus: field }
}
