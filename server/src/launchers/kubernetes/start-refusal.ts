import { errorMessage } from './api/api-errors.js';

/** The API server's refusal of a start, for the user who requested the cluster. */
export function startRefusal(error: unknown): string {
  const message = errorMessage(error);
  if (/exceeded quota/.test(message)) {
    return `the quota of the namespace is used up (${message}). Stop a Spark that you do not need, or ask for a smaller one.`;
  }
  if (/violates PodSecurity/.test(message)) {
    return `the namespace does not admit its pods (${message}). Ask an administrator: hostPath and nfs volumes need a weaker level than "restricted".`;
  }
  if (/namespaces .* not found/.test(message)) {
    return `${message}. Ask an administrator to create it, or to set "prepare" in the Kubernetes configuration file.`;
  }
  return `Kubernetes refused: ${message}`;
}
