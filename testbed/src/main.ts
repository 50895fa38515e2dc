import { down } from './down.js';
import { TestbedError } from './execution.js';
import { writeRequirements } from './images/spark-image.js';
import { status } from './status.js';
import { obstacle, restart, up } from './up.js';
import { readVersions } from './versions.js';

const USAGE = `npm run testbed -- up             builds what is missing and starts a one-node Kubernetes
npm run testbed -- down [--wipe]  ends it; --wipe also deletes its images
npm run testbed -- status         says what runs
npm run testbed -- restart NAME   kills one of its programs (kube-apiserver, kubelet, …) and starts it again
npm run testbed -- check          says whether this machine can hold one
npm run testbed -- requirements   writes the list of the Spark image's Python packages anew`;

async function main([command, option]: string[]): Promise<number> {
  if (command === 'up') {
    const facts = await up();
    console.log(`\nKUBECONFIG=${facts.kubeconfig}\nSpark image: ${facts.sparkImage}`);
    return 0;
  }
  if (command === 'down') {
    await down(option === '--wipe');
    return 0;
  }
  if (command === 'status') {
    const [lines, well] = await status();
    console.log(lines.join('\n'));
    return well ? 0 : 1;
  }
  if (command === 'restart') {
    await restart(option ?? '');
    return 0;
  }
  if (command === 'check') {
    const reason = obstacle();
    console.log(
      reason
        ? `The testbed cannot be brought up on this machine: ${reason}.`
        : 'This machine can hold the testbed.'
    );
    return reason ? 1 : 0;
  }
  if (command === 'requirements') {
    writeRequirements(readVersions().debian);
    return 0;
  }
  console.error(USAGE);
  return 2;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    console.error(
      '\nBroken off. "npm run testbed -- down" clears away what there is; what was built stays.'
    );
    process.exit(130);
  });

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof TestbedError ? `\n${error.message}` : error);
  process.exit(1);
}
