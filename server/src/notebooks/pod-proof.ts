import { createHash } from 'node:crypto';
import type { V1TokenReviewStatus } from '@kubernetes/client-node';

/** A pod as the API server identifies it from a token. */
export interface ProvenPod {
  namespace: string;
  name: string;
  uid: string;
}

const ACCOUNT = /^system:serviceaccount:([^:]+):[^:]+$/;
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';

/**
 * The pod to which a token is bound, from the API server's TokenReview (KEP 1205: bound service account tokens contain
 * name and UID of their pod, and become invalid when it is deleted). Null if it is not bound to a pod, or has another
 * audience.
 */
export function provenPod(status: V1TokenReviewStatus, audience: string): ProvenPod | null {
  // An API server without support for audiences omits them: the token may then be for another service.
  if (status.authenticated !== true || !status.audiences?.includes(audience)) return null;
  const { username, extra } = status.user ?? {};
  const namespace = ACCOUNT.exec(username ?? '')?.[1];
  const name = extra?.[POD_NAME]?.[0];
  const uid = extra?.[POD_UID]?.[0];
  return namespace && name && uid ? { namespace, name, uid } : null;
}

/**
 * A token is reviewed once in this time, ms: a panel asks every few seconds. Whether its pod still exists is checked
 * each time.
 */
const CACHED_MS = 60_000;
const MAX_CACHED = 10_000;

/** The pods of tokens, as recently reviewed. */
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
