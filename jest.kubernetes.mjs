import all from './jest.config.mjs';

/** Tests that need a Kubernetes; `npm run test:kubernetes` brings one. */
export default {
  testTimeout: 180_000,
  projects: all.projects
    .filter(({ displayName }) => ['server', 'testbed'].includes(displayName))
    .map(project => ({
      ...project,
      displayName: `${project.displayName} on Kubernetes`,
      testMatch: ['<rootDir>/test/**/*.kubernetes.ts'],
      testPathIgnorePatterns: ['/node_modules/', '\\.long\\.kubernetes\\.ts$']
    }))
};
