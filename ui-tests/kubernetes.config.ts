import { defineConfig } from '@playwright/test';
import product from './playwright.config';
import { onKubernetes } from './product/kubernetes';

const webServer = product.webServer as { command: string; env: Record<string, string> };

/** The same product with its Spark on a real Kubernetes. */
export default defineConfig({
  ...product,
  testDir: 'kubernetes',
  reporter: [...(product.reporter as [string][]), ['./product/no-pods-left.ts']],
  webServer: { ...webServer, env: { ...webServer.env, ...onKubernetes() } }
});
