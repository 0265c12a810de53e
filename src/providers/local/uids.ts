import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { AppError } from '../../errors.ts';

const FIRST_UID = 200_000;
const SLOTS = 20_000;
const CLAIMS = '/run/sandbank-uids';

/** The unprivileged user of the host that a sandbox runs as: one of its own under root, else the server's own. Never 0. */
export type Uids = {
  /** `owner` is the sandbox's directory: a claim whose owner has gone is free again, also one of a server that was killed. */
  take(owner: string): number;
  /** Claims again what a sandbox found alive runs as; the claims are gone when /run was emptied. */
  adopt(uid: number, owner: string): void;
  /** Does nothing when by now another owner has it. */
  give(uid: number, owner: string): void;
};

const ownerOf = (claim: string): string | null => {
  try {
    return readFileSync(claim, 'utf8');
  } catch {
    return null;
  }
};

/** Whether any process of the host runs as `uid`: one look at /proc, needed only where a claim is taken over. */
const isInUse = (uid: number): boolean =>
  readdirSync('/proc').some((name) => {
    try {
      return /^\d+$/.test(name) && statSync(`/proc/${name}`).uid === uid;
    } catch {
      return false;
    }
  });

/**
 * Frees a claim whose owner has gone. Two servers may try at once: the rename gives the file to one of them, and if by then it was a
 * new claim, it is put back.
 */
const reclaim = (claim: string, uid: number): void => {
  const owner = ownerOf(claim);
  if (!owner || existsSync(owner) || isInUse(uid)) return;
  const aside = `${claim}.${process.pid}`;
  renameSync(claim, aside);
  if (ownerOf(aside) !== owner) linkSync(aside, claim);
  rmSync(aside);
};

const claimed = (dir: string): Uids => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  let slot = Math.floor(Math.random() * SLOTS);
  const claimOf = (uid: number): string => `${dir}/${uid}`;
  return {
    take(owner) {
      for (let tries = 0; tries < SLOTS; tries += 1) {
        slot = (slot + 1) % SLOTS;
        const uid = FIRST_UID + slot;
        try {
          if (existsSync(claimOf(uid))) reclaim(claimOf(uid), uid);
          // The content must be there with the name: a claim that is still empty would look abandoned.
          const draft = `${claimOf(uid)}.${process.pid}`;
          writeFileSync(draft, owner);
          try {
            linkSync(draft, claimOf(uid));
          } finally {
            rmSync(draft);
          }
          return uid;
        } catch {
          // Taken: the next slot.
        }
      }
      throw new AppError(
        'UNAVAILABLE',
        `All ${SLOTS} user ids for local sandboxes are taken. Destroy some sandboxes.`,
      );
    },
    adopt(uid, owner) {
      try {
        writeFileSync(claimOf(uid), owner, { flag: 'wx' });
      } catch {
        // Its own claim is still there.
      }
    },
    give(uid, owner) {
      if (ownerOf(claimOf(uid)) === owner) rmSync(claimOf(uid), { force: true });
    },
  };
};

export type UidOptions = {
  /** The server's own user id. */
  own?: number;
  /** Where claims lie, one directory for all servers of a host. */
  claims?: string;
};

export const openUids = ({
  own = process.getuid?.() ?? 0,
  claims = CLAIMS,
}: UidOptions = {}): Uids =>
  own === 0 ? claimed(claims) : { take: () => own, adopt: () => undefined, give: () => undefined };

/** bwrap run as the host's root would leave uid 0 of the kernel inside: /proc/sys of the host would be writable. */
export const refuseRoot = (uid: number): void => {
  if (!Number.isInteger(uid) || uid <= 0) {
    throw new AppError(
      'INTERNAL',
      `A local sandbox must not run as user id ${uid} of the host. Nothing was started.`,
    );
  }
};
