import { type TSchema, Type } from 'typebox'
import { type ErrorCode, errorCodes, reasons } from '../errors.ts'

/** Excludes NUL, which PostgreSQL cannot store, and lone surrogates, which UTF-8 cannot encode. */
const storableText = '^[^\\u0000\\ud800-\\udfff]*$'

type TextOptions = { minLength?: number; maxLength: number; description?: string }

/** Text that is searched for. */
export function text(options: TextOptions) {
  return Type.String({ pattern: storableText, ...options })
}

// Control characters would act on the terminal of whoever reads the API's answers, and the overrides U+202D and U+202E
// would show letters in another order. Marks, embeddings and isolates are part of names in Arabic and Hebrew.
const printableLine = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u202d\\u202e\\ud800-\\udfff]*$'
const printableLines = '^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u202d\\u202e\\ud800-\\udfff]*$'

/** Matches text of which something can be seen. Spelled out, because other languages do not know `\p{…}`. */
export const visible =
  '[^\\s\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0]'

/** One line of text that is stored and shown, such as a name. It must not look empty. */
export function line(options: TextOptions) {
  return Type.String({ minLength: 1, pattern: printableLine, allOf: [{ pattern: visible }], ...options })
}

/** Text of several lines that is stored and shown. */
export function lines(options: TextOptions) {
  return Type.String({ pattern: printableLines, ...options })
}

/** A field that must not be empty. */
export const nonEmptyText = Type.String({ minLength: 1 })

/** An object with these fields and no others, for bodies, forms and query strings. */
export function strictObject<T extends Record<string, TSchema>>(fields: T) {
  return Type.Object(fields, { additionalProperties: false })
}

/** The response of a success that returns nothing. */
export const emptyResponse = Type.Object({}, { description: 'Done' })

const wrongFieldSchema = Type.Object({
  field: Type.String(),
  detail: Type.String({ description: 'What is wrong, or what would be valid' }),
  reason: Type.Enum([...reasons], { description: 'The reason, as a stable identifier' }),
  min: Type.Optional(Type.Number({ description: 'The smallest valid value, length or count' })),
  max: Type.Optional(Type.Number({ description: 'The largest valid value, length or count' })),
})

export const errorSchema = Type.Object(
  {
    message: Type.String({ description: 'The fixed message for this code, for clients that match on it' }),
    status: Type.Integer({ description: 'The HTTP status' }),
    code: Type.Enum(Object.keys(errorCodes), { description: 'The name of the error' }),
    type: Type.String({ description: 'RFC 9457: the kind of problem' }),
    title: Type.String({ description: 'RFC 9457: same as `message`' }),
    detail: Type.Optional(
      Type.String({ description: 'RFC 9457: what is wrong with this request, and what would be valid' }),
    ),
    errors: Type.Optional(Type.Array(wrongFieldSchema, { description: 'The fields that are wrong' })),
  },
  { $id: 'Error', title: 'Error', description: 'RFC 9457 problem details, with `message`, `status` and `code`' },
)

const anyRouteErrors = ['InternalServerError', 'ServiceUnavailableError', 'TooManyRequestsError'] as const

/** The error responses of a route by status: the codes given, and those that any route may return. */
export function errors(...codes: ErrorCode[]) {
  const byStatus: Record<number, { description: string; content: object }> = {}
  for (const code of [...codes, ...anyRouteErrors]) {
    const { status, message } = errorCodes[code]
    const earlier = byStatus[status] ? `${byStatus[status].description}; ` : ''
    byStatus[status] = {
      description: `${earlier}${code}: ${message}`,
      content: { 'application/problem+json': { schema: Type.Ref('Error#') } },
    }
  }
  return byStatus
}

/** The errors of any request that may have a body, even on a route that reads none: malformed, too large, not JSON. */
export const bodyErrors = ['SchemaValidationError', 'PayloadTooLargeError', 'UnsupportedMediaTypeError'] as const

/** The media type of JSON that a route sends as text. */
export const jsonType = 'application/json; charset=utf-8'

/** The `security` of routes that need an access token. */
export const bearer = [{ bearer: [] }]
