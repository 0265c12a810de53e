import type { Principal } from '../authentication/principal.ts';
import type { Pool } from '../pool/pool.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';

/** What callers get; who may call what is in rules.ts. */
export type DiagnosisService = {
  /** Checks a sandbox from the outside in; `NOT_FOUND` also for another's, `WRONG_SERVER` for one that another server looks after. */
  diagnose(principal: Principal, id: string): Promise<{ row: Sandbox; checks: Diagnosis[] }>;
};

export const createDiagnosisService = ({
  sandboxes,
  pool,
}: {
  sandboxes: Pick<SandboxAccess, 'find' | 'requireHere'>;
  pool: Pool;
}): DiagnosisService => ({
  async diagnose(principal, id) {
    const row = await sandboxes.find(principal, id, 'read');
    // What another server looks after answers there; from here it would look broken.
    if (row.state === 'READY') await sandboxes.requireHere(row.tenant, row.id);
    return { row, checks: await diagnose(row, pool) };
  },
});
