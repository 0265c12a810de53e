import { AppError, type ErrorCode } from '../errors.ts';
import { builder } from './builder.ts';
import { described } from './enums.ts';

const texts: Readonly<Record<ErrorCode, string>> = {
  UNAUTHENTICATED: 'No token, or not one of ours.',
  TOKEN_EXPIRED: 'The token’s time is over.',
  TOKEN_REVOKED: 'The token was revoked.',
  FORBIDDEN: 'The token, or the sandbox’s user, may not do this.',
  NOT_FOUND: 'There is nothing with this id or path, or it is another tenant’s.',
  INVALID_ARGUMENT: 'An argument is wrong; the message says which.',
  BAD_CURSOR: 'The cursor is not one of this stream or list.',
  CURSOR_EXPIRED: 'What follows the cursor is no longer kept; `details.earliest` is the way on.',
  ALREADY_EXISTS: 'Something is there already.',
  CONFLICT: 'The state of things does not allow it now.',
  PRECONDITION_FAILED: 'The content is not the one that was expected.',
  IDEMPOTENCY_CONFLICT: 'The key was used with other parameters.',
  UNSUPPORTED: 'The provider cannot do this.',
  TERMINATED: 'It has ended.',
  WRONG_SERVER:
    'Another server looks after the sandbox. Send the same request to the address in `details.address`.',
  TIMEOUT: 'It took too long.',
  TOO_LARGE: 'It is larger than allowed.',
  NO_SPACE: 'The disk of the sandbox is full.',
  LIMIT_EXCEEDED:
    'More than the role or the server allows at once; `details.limit` names the limit.',
  QUOTA_EXCEEDED: 'What the tenant or the subject may use is used up.',
  RATE_LIMITED: 'Too many calls; `retryAfterMs` says how long to wait.',
  UNAVAILABLE: 'It cannot be reached or done right now.',
  INTERNAL: 'A bug of ours; tell the operator the requestId.',
};

export const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'Why something was refused. The list only grows.',
  values: described<ErrorCode>(texts),
});

export const ErrorInterface = builder.interfaceRef<AppError>('Error').implement({
  description: 'A failure that was foreseen, as data.',
  fields: (t) => ({
    code: t.field({
      description: 'What kind of failure, for programs.',
      type: ErrorCodeEnum,
      resolve: (error) => error.code,
    }),
    message: t.exposeString('message', {
      description: 'What was wrong, where, and what to do, for people.',
    }),
    retryable: t.exposeBoolean('retryable', {
      description: 'The same call may succeed later without a change.',
    }),
    retryAfterMs: t.int({
      description: 'How long to wait before a retry, in milliseconds.',
      nullable: true,
      resolve: (error) => error.retryAfterMs ?? null,
    }),
    details: t.field({
      description: 'Facts for programs, such as `earliest` for `CURSOR_EXPIRED`.',
      type: 'JSON',
      resolve: (error) => error.details,
    }),
  }),
});

builder.objectType(AppError, {
  name: 'Failure',
  description: 'The call was refused; nothing changed unless the message says so.',
  interfaces: [ErrorInterface],
});
