/** How long a vendor may take to answer, in milliseconds. What it says later is dropped, or undone where it made something. */
export const deadlines = {
  health: 5_000,
  create: 120_000,
  connect: 15_000,
  list: 15_000,
  destroy: 45_000,
  spawn: 60_000,
  attach: 30_000,
  /** Standard input of a process: its pipe may be full. */
  input: 30_000,
  /** A signal, or a new size of a terminal. */
  control: 10_000,
  /** One call about a file, and one command in the sandbox that stands for it. */
  files: 60_000,
  /** Between two pieces of a file, in either direction. */
  transfer: 60_000,
  ports: 10_000,
  usage: 10_000,
  extend: 30_000,
  /** How long after its timeout a process that lives is killed by the server, then how long it may take to be gone. */
  overdue: 5_000,
  /** From the end of a sandbox, or of the output of a process, to the exit of the process. */
  exit: 10_000,
};

export type Deadlines = typeof deadlines;
export type Deadline = keyof Deadlines;
