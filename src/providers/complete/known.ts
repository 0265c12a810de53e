import { AppError } from '../../errors.ts';
import type { CompleteProcess } from './process.ts';

/** Of processes that have ended, or of which nobody knows whether they began. More than run at once in a sandbox: those that are forgotten were never asked for. */
const MAX_ENDED = 1_000;

type Begin = (onRelease: () => void) => Promise<CompleteProcess>;

/** The processes of one sandbox by id, each until its exit has been recorded: what could not be recorded is asked for again. */
export const createKnown = () => {
  /** The process, the attempt to start it, or the failure of which nobody knows what it left. */
  const known = new Map<string, Promise<CompleteProcess>>();
  const ended = new Set<string>();
  const forget = (id: string, work: Promise<CompleteProcess>): void => {
    if (known.get(id) !== work) return;
    known.delete(id);
    ended.delete(id);
  };
  const markEnded = (id: string, work: Promise<CompleteProcess>): void => {
    if (known.get(id) !== work) return;
    ended.add(id);
    const [oldest] = ended;
    if (ended.size <= MAX_ENDED || oldest === undefined) return;
    known.delete(oldest);
    ended.delete(oldest);
  };
  const replace = (id: string, begin: Begin): Promise<CompleteProcess> => {
    const work = begin(() => forget(id, work));
    known.set(id, work);
    ended.delete(id);
    work.then(
      ({ process }) => process.exit.then(() => markEnded(id, work)),
      (error: unknown) => {
        const isAmbiguous = error instanceof AppError && error.details.ambiguous === true;
        if (isAmbiguous) markEnded(id, work);
        else forget(id, work);
      },
    );
    return work;
  };
  return {
    /** The one that is known, or a new one. */
    get: (id: string, begin: Begin): Promise<CompleteProcess> =>
      known.get(id) ?? replace(id, begin),
    find: (id: string): Promise<CompleteProcess | undefined> =>
      known.get(id) ?? Promise.resolve(undefined),
    replace,
    visit(each: (one: CompleteProcess) => void): void {
      for (const work of known.values()) work.then(each, () => undefined);
    },
  };
};
