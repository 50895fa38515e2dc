import all from './jest.config.mjs';
import onKubernetes from './jest.kubernetes.mjs';

/** Tests that are long by nature, those with and those without a Kubernetes; `npm run test:long`. */
const withMatch = (project, testMatch) => ({ ...project, testMatch, testPathIgnorePatterns: [] });

export default {
  testTimeout: 180_000,
  projects: [
    ...all.projects.map(project =>
      withMatch(project, [
        '<rootDir>/test/**/*.long.test.ts',
        // With more kills than every day.
        '<rootDir>/test/**/kill.spark.test.ts'
      ])
    ),
    ...onKubernetes.projects.map(project =>
      withMatch(project, [
        '<rootDir>/test/**/*.long.kubernetes.ts',
        // With more kills than every day.
        '<rootDir>/test/**/replicas.kubernetes.ts'
      ])
    )
  ]
};
