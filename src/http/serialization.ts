import SerializerSelector, { type SerializerFactory } from '@fastify/fast-json-stringify-compiler'

/**
 * Serializers for what succeeds, each compiled when it is first needed: all at once would take a good part of the start.
 * Errors have one shape and are rare.
 */
export const serializersOfSuccess: SerializerFactory = (externalSchemas, options) => {
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
