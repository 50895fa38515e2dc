import { terminated } from './kubernetes.js';

export const OOM = terminated(137, 'OOMKilled', '2026-11-20T23:35:43Z');

export const APPLICATION_STATUS = `Application Report :
	Application-Id : application_1795216410438_0001
	Application-Name : job
	State : FAILED
	Finish-Time : 1795216464931
	Final-State : FAILED
	Tracking-URL : http://rm:8088/cluster/app/application_1795216410438_0001
	Diagnostics : Application application_1795216410438_0001 failed 2 times due to AM Container for appattempt_1795216410438_0001_000002 exited with  exitCode: -104
Failing this attempt.Diagnostics: [2026-11-20 23:14:04.112]Container [pid=31,containerID=container_1795216410438_0001_02_000001] is running beyond the 'PHYSICAL' memory limit. Current usage: 1.4 GB of 1.4 GB physical memory used; 3.3 GB of 2.9 GB virtual memory used. Killing container.
	Unmanaged Application : false
`;

export const at = '26/11/20 23:41:05';
