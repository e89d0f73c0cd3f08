import SerializerSelector, { type SerializerFactory } from '@fastify/fast-json-stringify-compiler'

/**
 * Compiles serializers for what succeeds. Errors have one shape and are rare: to compile theirs for every route and
 * status would take a good part of the start.
 */
export const serializersOfSuccess: SerializerFactory = (externalSchemas, options) => {
  const build = SerializerSelector()(externalSchemas, options)
  return (route) => (route.httpStatus?.startsWith('2') ? build(route) : JSON.stringify)
}
