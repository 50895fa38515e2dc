import type { V1Pod } from '@kubernetes/client-node';
import type { ClusterSpec } from '../launcher.js';
import type { Witness } from './evidence/witness-client.js';
import { authorityOf, makeCertificate } from './objects/certificates.js';
import {
  objectName,
  PORTS,
  SPARK_SECRET,
  WITNESS_CONTAINER,
  type ClusterSecrets
} from './objects/names.js';

/** Certificates and tokens of clusters, and how to reach their witnesses with them. */
export class ClusterCredentials {
  private readonly authorities = new Map<string, Promise<string>>();

  /** @param secretOf a secret of a cluster; the same for each call */
  constructor(private readonly secretOf: (cluster: string, purpose: string) => string) {}

  /** Everything that the driver's Secret contains. */
  async secretsOf({ id, token }: ClusterSpec, namespace: string): Promise<ClusterSecrets> {
    const { secretOf } = this;
    const service = `${objectName(id)}.${namespace}.svc`;
    const certificate = await makeCertificate(secretOf(id, 'authority'), [
      objectName(id),
      service,
      `${service}.cluster.local`
    ]);
    return {
      'tls.crt': certificate.certificate,
      'tls.key': certificate.key,
      'ca.crt': certificate.authority,
      token,
      'witness-token': secretOf(id, 'witness'),
      [SPARK_SECRET]: secretOf(id, 'spark')
    };
  }

  /** The certificate of the cluster's own authority, PEM. */
  authority(id: string): Promise<string> {
    const known = this.authorities.get(id) ?? authorityOf(this.secretOf(id, 'authority'));
    this.authorities.set(id, known);
    return known;
  }

  /** How to reach the witness in a driver's pod; null while it is not running. */
  async witness(cluster: string, pod: V1Pod | null): Promise<Witness | null> {
    const address = pod?.status?.podIP;
    const container = pod?.status?.initContainerStatuses?.find(
      ({ name }) => name === WITNESS_CONTAINER
    );
    if (!address || !container?.state?.running) return null;
    return {
      url: `https://${bracketed(address)}:${PORTS.witness}`,
      token: this.secretOf(cluster, 'witness'),
      ca: await this.authority(cluster)
    };
  }

  forget(id: string): void {
    this.authorities.delete(id);
  }
}

/** An IP address as part of a URL. */
export const bracketed = (address: string): string =>
  address.includes(':') ? `[${address}]` : address;
