import { Ajv } from 'ajv'
import type { FastifyInstance } from 'fastify'

/**
 * Bodies are taken as they are: nothing is converted, filled in or stripped. Queries, paths and headers are text by
 * nature, so there a schema's number is read from its digits.
 */
export function useStrictValidation(app: FastifyInstance): void {
  const options = { allErrors: true, removeAdditional: false, strictTypes: false } as const
  const bodies = new Ajv({ ...options, coerceTypes: false })
  const texts = new Ajv({ ...options, coerceTypes: true, useDefaults: true })
  app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === 'body' ? bodies : texts).compile(schema))
}
