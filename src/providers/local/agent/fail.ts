/** An error with a code, which is what the server goes by. */
export const fail = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code });
