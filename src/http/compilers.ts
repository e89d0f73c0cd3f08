import SerializerSelector, { type SerializerFactory } from '@fastify/fast-json-stringify-compiler'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { FastifyInstance } from 'fastify'
import type { FastifyValidationResult } from 'fastify/types/schema.js'

// Each validator and serializer is compiled on first use: compiling them all would slow down startup, and most
// processes need only a few.

/**
 * Validates bodies as they are: nothing is converted, filled in or stripped. Queries, paths and headers arrive as text,
 * so numbers in them are parsed.
 */
export function useStrictValidation(app: FastifyInstance): void {
  // `verbose` adds the schema to each error, so that the error can list the known fields.
  const options = { allErrors: true, removeAdditional: false, strictTypes: false, verbose: true } as const
  const bodies = new Ajv({ ...options, coerceTypes: false })
  const largeBodies = new Ajv({ ...options, coerceTypes: false, allErrors: false })
  // Coercion reads "Infinity" as a number, and with `strictNumbers` no minimum or maximum would refuse it.
  const texts = new Ajv({ ...options, coerceTypes: true, useDefaults: true, strictNumbers: false })
  app.setValidatorCompiler(({ schema, httpPart }) => {
    if (httpPart !== 'body')
      return validateTexts(
        schema,
        validateLazily(() => texts.compile(schema)),
      )
    return validateBody(
      validateLazily(() => largeBodies.compile(schema)),
      validateLazily(() => bodies.compile(schema)),
    )
  })
}

function validateLazily(compile: () => ValidateFunction): FastifyValidationResult {
  let compiled: ValidateFunction | undefined
  const validate: FastifyValidationResult = (value) => {
    compiled ??= compile()
    const isValid = compiled(value)
    validate.errors = compiled.errors?.map(namingKnownFields) ?? null
    return isValid
  }
  return validate
}

/** Refuses whole numbers that Ajv would convert although they are not written in digits: "0x10", "1e1" and " 1". */
function validateTexts(schema: object, validate: FastifyValidationResult): FastifyValidationResult {
  const properties =
    'properties' in schema ? Object.entries(schema.properties as Record<string, { type?: string }>) : []
  const integers = properties.filter(([, { type }]) => type === 'integer').map(([name]) => name)
  const validateInDigits: FastifyValidationResult = (values) => {
    const wrong = integers.filter((name) => values[name] !== undefined && !/^-?\d+$/.test(values[name]))
    const isValid = wrong.length === 0 && validate(values)
    validateInDigits.errors = wrong.length > 0 ? wrong.map(notInDigits) : (validate.errors ?? null)
    return isValid
  }
  return validateInDigits
}

function notInDigits(name: string) {
  const params = { type: 'integer' }
  return { instancePath: `/${name}`, schemaPath: '#/type', keyword: 'type', params, message: 'must be integer' }
}

/** In values, counted through all nested lists and objects. A form that a person fills in has far fewer. */
const largeBody = 2000

/**
 * Reports every wrong field of a body, but only the first one of a large body: 100 kB can hold tens of thousands of wrong
 * entries, and an error for each would hold up other requests.
 */
function validateBody(first: FastifyValidationResult, all: FastifyValidationResult): FastifyValidationResult {
  const validate: FastifyValidationResult = (value) => {
    const isValid = first(value)
    const used = isValid || hasMoreValues(value, largeBody) ? first : all
    if (used === all) all(value)
    validate.errors = used.errors ?? null
    return isValid
  }
  return validate
}

function namingKnownFields(error: ErrorObject): ErrorObject {
  if (error.keyword !== 'additionalProperties') return error
  const known = Object.keys(error.parentSchema?.['properties'] ?? {})
  return { ...error, message: `is unknown (known: ${known.join(', ') || 'none'})` }
}

/** Counts without recursion, because a body may be nested as deep as it is long. */
function hasMoreValues(value: unknown, most: number): boolean {
  const left = [value]
  for (let count = 0; left.length > 0; count += 1) {
    if (count + left.length > most) return true
    const next = left.pop()
    if (typeof next === 'object' && next !== null) for (const child of Object.values(next)) left.push(child)
  }
  return false
}

/**
 * Serializes successful responses by their schema. Errors all have one shape and are rare, so `JSON.stringify` is
 * enough.
 */
export const successSerializers: SerializerFactory = (externalSchemas, options) => {
  const build = SerializerSelector()(externalSchemas, options)
  return (route) => {
    if (!route.httpStatus?.startsWith('2')) return JSON.stringify
    let serialize: ReturnType<typeof build> | undefined
    return (value: unknown) => {
      serialize ??= build(route)
      return serialize(value)
    }
  }
}
