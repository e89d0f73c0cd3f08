import { type TSchema, Type } from 'typebox'
import { type ErrorCode, errorCodes, reasons } from '../errors.ts'

/** Excludes NUL, which PostgreSQL cannot store, and lone surrogates, which UTF-8 cannot encode. */
const storableText = '^[^\\u0000\\ud800-\\udfff]*$'

export function text(options: { minLength?: number; maxLength: number; description?: string }) {
  return Type.String({ pattern: storableText, ...options })
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

/** The `security` of routes that need an access token. */
export const bearer = [{ bearer: [] }]
