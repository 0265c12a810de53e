import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Listed } from '../types/sandbox.ts';
import { isAlive } from './proc.ts';
import { isCopied, loadState, type SupervisorState } from './state.ts';

const REF = /^lcl_[0-9a-f]{20}$/;
/** A folder without a state is one that is being made, or what a kill left of that. */
const MAKING_MS = 60_000;

const ageOf = (dir: string): number => {
  try {
    return Date.now() - statSync(dir).mtimeMs;
  } catch {
    return 0;
  }
};

/** The folders of sandboxes below `base`, one each. What bears another deployment's label does not exist for this one. */
export const openFolders = (base: string, deployment: string) => {
  const root = join(base, 'sandboxes');
  const dirOf = (ref: string): string => join(root, ref);
  const refs = (): string[] => {
    try {
      return readdirSync(root).filter((name) => REF.test(name));
    } catch {
      return [];
    }
  };
  /** One of a version without labels belongs to whoever has its folder. */
  const isOurs = (state: SupervisorState): boolean =>
    (state.deployment ?? deployment) === deployment;
  const stateOf = (ref: string): SupervisorState | null => {
    const state = REF.test(ref) ? loadState(dirOf(ref)) : null;
    return state && isOurs(state) ? state : null;
  };

  return {
    dirOf,
    /** null when it is not there, or not ours. */
    stateOf,
    list: (): Listed[] =>
      refs().flatMap((ref): Listed[] => {
        const state = stateOf(ref);
        if (!state?.id) return [];
        const { id, createdAt = null, expiresAt = null } = state;
        const lives = isAlive(state.inner, state.innerStart) && isAlive(state.pid, state.start);
        return [{ ref, id, deployment, createdAt, expiresAt, state: lives ? 'running' : 'ended' }];
      }),
    /** What nobody will ask for again: supervisors that waited for a sandbox, and starts that a kill cut short. */
    leftovers: (): string[] =>
      refs().filter((ref) => {
        const state = loadState(dirOf(ref));
        if (state) return isOurs(state) && !state.id;
        // A copy may be the only one there is: it is left to an operator.
        return !isCopied(dirOf(ref)) && ageOf(dirOf(ref)) > MAKING_MS;
      }),
    /** Assets that some sandbox uses, whoever it belongs to. */
    usedAssets: (): string[] => refs().flatMap((ref) => loadState(dirOf(ref))?.assets ?? []),
  };
};

export type Folders = ReturnType<typeof openFolders>;
