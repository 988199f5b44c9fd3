// The answers to what is refused.
const CHALLENGE = 'Bearer realm="api"';

export function refuse(reply, status, body) {
  if (status === 401) reply.header('WWW-Authenticate', CHALLENGE);
  return reply.code(status).send(body);
}

export const refuseToken = (reply) =>
  refuse(reply, 401, { detail: 'Token is invalid or expired', code: 'token_not_valid' });

function sentence({ keyword, params }, field) {
  if (keyword === 'minLength') return 'This field may not be blank.';
  if (keyword === 'maxLength') return `Ensure this field has no more than ${params.limit} characters.`;
  return field === 'email' ? 'Enter a valid email address.' : 'Enter a valid value.';
}

// {field: [sentence]} of what a schema refused.
function fieldErrors(validation) {
  const errors = {};
  for (const one of validation) {
    const isMissing = one.keyword === 'required';
    const field = isMissing ? one.params.missingProperty : one.instancePath.slice(1) || 'non_field_errors';
    (errors[field] ??= []).push(isMissing ? 'This field is required.' : sentence(one, field));
  }
  return errors;
}

export function addErrorHandlers(app) {
  app.setErrorHandler((error, request, reply) => (error.validation
    ? refuse(reply, 400, fieldErrors(error.validation))
    : refuse(reply, error.statusCode ?? 500, { detail: error.message })));
  app.setNotFoundHandler((request, reply) => refuse(reply, 404, { detail: 'Not found.' }));
}
