// What Fastify checks and how it writes: answers that have a schema are serialized by generated code.
const text = { type: 'string', minLength: 1 };
const nullable = { type: ['string', 'null'] };

function body(properties) {
  return { type: 'object', required: Object.keys(properties), properties };
}

function answer(status, properties) {
  return { [status]: { type: 'object', properties } };
}

const message = { message: { type: 'string' } };
const pair = { refresh: { type: 'string' }, access: { type: 'string' } };

export const schemas = {
  signup: {
    body: body({
      username: { ...text, maxLength: 150, pattern: '^[\\w.@+-]+$' },
      email: { ...text, maxLength: 254, format: 'email' },
      password: { ...text, maxLength: 128 },
    }),
    response: answer(201, message),
  },
  verifyEmail: { body: body({ token: text }), response: answer(200, message) },
  login: { body: body({ username: text, password: text }), response: answer(200, pair) },
  refresh: { body: body({ refresh: text }), response: answer(200, pair) },
  me: {
    response: answer(200, {
      id: { type: 'string' }, username: { type: 'string' }, email: { type: 'string' },
      email_verified: { type: 'boolean' }, date_joined: { type: 'string' }, last_login: nullable,
    }),
  },
};
