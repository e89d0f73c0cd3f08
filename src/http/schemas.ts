import { type TSchema, Type } from 'typebox'
import { type ErrorCode, errorCodes, reasons } from '../errors.ts'

/** Any character but NUL, which PostgreSQL cannot store, and lone surrogates, which UTF-8 cannot spell. */
export const storableText = '^[^\\u0000\\ud800-\\udfff]*$'

export function text(options: { minLength?: number; maxLength: number; description?: string }) {
  return Type.String({ pattern: storableText, ...options })
}

/** A body, with every field that it may have: one that is not named here is refused. */
export function body<T extends Record<string, TSchema>>(fields: T) {
  return Type.Object(fields, { additionalProperties: false })
}

/** What a success answers that has nothing to tell. */
export const nothing = Type.Object({}, { description: 'Done' })

const wrongFieldSchema = Type.Object({
  field: Type.String(),
  detail: Type.String({ description: 'What would do' }),
  reason: Type.Enum([...reasons], { description: 'The same in a word that never changes' }),
  min: Type.Optional(Type.Number({ description: 'The least that would do' })),
  max: Type.Optional(Type.Number({ description: 'The most that would do' })),
})

export const errorSchema = Type.Object(
  {
    message: Type.String({ description: 'The fixed sentence of this code, for clients that compare it' }),
    status: Type.Integer({ description: 'The HTTP status' }),
    code: Type.Enum(Object.keys(errorCodes), { description: 'The name of the error' }),
    type: Type.String({ description: 'RFC 9457: what kind of problem this is' }),
    title: Type.String({ description: 'RFC 9457: the message again' }),
    detail: Type.Optional(Type.String({ description: 'RFC 9457: what was wrong this time, and what would do' })),
    errors: Type.Optional(Type.Array(wrongFieldSchema, { description: 'Each field that is wrong' })),
  },
  { $id: 'Error', title: 'Error', description: 'RFC 9457 problem details, with `message`, `status` and `code`' },
)

/** The responses with which a route may fail, by status: those named, and those that any route may give. */
export function errors(...codes: ErrorCode[]) {
  const byStatus: Record<number, { description: string; content: object }> = {}
  for (const code of [...codes, 'InternalServerError', 'ServiceUnavailableError'] as const) {
    const { status, message } = errorCodes[code]
    const others = byStatus[status] ? `${byStatus[status].description}; ` : ''
    byStatus[status] = {
      description: `${others}${code}: ${message}`,
      content: { 'application/problem+json': { schema: Type.Ref('Error#') } },
    }
  }
  return byStatus
}

/** The errors that a body brings with it, also one that nobody asked for: it may be malformed, too large, or no JSON. */
export const bodyErrors = ['SchemaValidationError', 'PayloadTooLargeError', 'UnsupportedMediaTypeError'] as const

/** For routes that take an access token. */
export const bearer = [{ bearer: [] }]
