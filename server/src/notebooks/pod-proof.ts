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
 * carry name and UID of their pod, and are no longer valid when it is deleted). Null if it is bound to none, or has
 * another audience.
 */
export function provenPod(status: V1TokenReviewStatus, audience: string): ProvenPod | null {
  // An API server that does not support audiences leaves them out: the token may then be for anything.
  if (status.authenticated !== true || !status.audiences?.includes(audience)) return null;
  const { username, extra } = status.user ?? {};
  const namespace = ACCOUNT.exec(username ?? '')?.[1];
  const name = extra?.[POD_NAME]?.[0];
  const uid = extra?.[POD_UID]?.[0];
  return namespace && name && uid ? { namespace, name, uid } : null;
}

/** A token is reviewed once in this time, ms: a panel asks every few seconds. Whether its pod still exists is checked each time. */
const CACHED_MS = 60_000;
const MAX_CACHED = 10_000;

/** Which pods tokens belong to, as the API server answered lately. */
export class PodProofs {
  private readonly cached = new Map<string, { pod: ProvenPod; until: number }>();

  constructor(
    private readonly review: (token: string) => Promise<V1TokenReviewStatus>,
    private readonly audience: string,
    private readonly now: () => number = () => performance.now()
  ) {}

  /** @returns null for a token that is not valid. @throws if the API server refuses the review */
  async podOf(token: string): Promise<ProvenPod | null> {
    // Tokens themselves are not stored.
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.cached.get(key);
    if (known && known.until > this.now()) return known.pod;
    this.cached.delete(key);
    const pod = provenPod(await this.review(token), this.audience);
    if (pod) {
      if (this.cached.size >= MAX_CACHED) this.cached.delete(this.cached.keys().next().value!);
      this.cached.set(key, { pod, until: this.now() + CACHED_MS });
    }
    return pod;
  }
}
