import { AppError, type ErrorCode, type FieldError } from '../errors.ts'

/** The key of a sentence and its values, to be said in the language of whoever reads it. */
export type Message = { sentence: string; values?: Record<string, unknown> }

/** Why a form is shown again: the status of the answer, what is wrong by field, and the field that the reader is led to. */
export type Refusal = { status: number; errors: Record<string, Message>; focus: string }

/** For errors that name no field: the one of this form that they are about, and the sentence that says what is wrong. */
type Meanings = Partial<Record<ErrorCode, { field: string; sentence: string }>>

/** Turns what was wrong with a form into its errors. Throws what the form cannot mend, such as a limit or a 5xx. */
export function formErrorsFrom(error: unknown, meanings: Meanings = {}): Refusal {
  if (!(error instanceof AppError)) throw error
  const { status, code, fields = [] } = error
  const meaning = meanings[code]
  const [first] = fields
  if (first) {
    const errors = fields.map((wrong) => [wrong.field, messageFor(wrong)])
    return { status, errors: Object.fromEntries(errors), focus: first.field }
  }
  if (!meaning) throw error
  const { field, sentence } = meaning
  return { status, errors: { [field]: { sentence } }, focus: field }
}

/** What is wrong with a field. */
export function messageFor({ reason, min, max }: FieldError): Message {
  return { sentence: `page.reason.${reason}`, values: { min, max } }
}
