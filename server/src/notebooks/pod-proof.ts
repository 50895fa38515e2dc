import { createHash } from 'node:crypto';
import type { V1TokenReviewStatus } from '@kubernetes/client-node';

/** A pod as the API server knows it from a token. */
export interface ProvenPod {
  namespace: string;
  name: string;
  uid: string;
}

const ACCOUNT = /^system:serviceaccount:([^:]+):[^:]+$/;
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';

/**
 * The pod that a token is bound to, by what the API server answered to its review (KEP 1205: bound service account tokens
 * carry name and UID of their pod, and are no longer valid when it is deleted). Null if it is bound to none, or meant for
 * somebody else than us.
 */
export function provenPod(status: V1TokenReviewStatus, audience: string): ProvenPod | null {
  // An API server that knows no audiences leaves them out: the token may then be anything.
  if (status.authenticated !== true || !status.audiences?.includes(audience)) return null;
  const { username, extra } = status.user ?? {};
  const namespace = ACCOUNT.exec(username ?? '')?.[1];
  const name = extra?.[POD_NAME]?.[0];
  const uid = extra?.[POD_UID]?.[0];
  return namespace && name && uid ? { namespace, name, uid } : null;
}

/** A token is asked about once in this time, ms: a panel asks every few seconds. Whether its pod still exists is seen anyway. */
const BELIEVED_MS = 60_000;
const MOST = 10_000;

/** Which pods tokens belong to, as the API server said lately. */
export class PodProofs {
  private readonly believed = new Map<string, { pod: ProvenPod; until: number }>();

  constructor(
    private readonly review: (token: string) => Promise<V1TokenReviewStatus>,
    private readonly audience: string,
    private readonly now: () => number = () => performance.now()
  ) {}

  /** @returns null for a token that proves nothing. @throws what the API server refuses */
  async podOf(token: string): Promise<ProvenPod | null> {
    // Tokens themselves are kept nowhere.
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.believed.get(key);
    if (known && known.until > this.now()) return known.pod;
    this.believed.delete(key);
    const pod = provenPod(await this.review(token), this.audience);
    if (pod) {
      if (this.believed.size >= MOST) this.believed.delete(this.believed.keys().next().value!);
      this.believed.set(key, { pod, until: this.now() + BELIEVED_MS });
    }
    return pod;
  }
}
