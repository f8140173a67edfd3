package deploy

import (
	"bytes"
	"os"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// A key that Kubernetes does not know is refused, as its server does with --validate=strict.
func TestEveryManifestIsWhatKubernetesReads(t *testing.T) {
	text, err := os.ReadFile("kubernetes/cronjob.yaml")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]int{}
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var kind struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		var into any
		switch kind.Kind {
		case "ConfigMap":
			into = &corev1.ConfigMap{}
		case "PersistentVolumeClaim":
			into = &corev1.PersistentVolumeClaim{}
		case "CronJob":
			into = &batchv1.CronJob{}
		default:
			t.Fatalf("an object of kind %q", kind.Kind)
		}
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			t.Errorf("%s: %v", kind.Kind, err)
		}
		read[kind.Kind]++
		if job, is := into.(*batchv1.CronJob); is {
			checkCronJob(t, job)
		}
	}
	if len(read) != 3 {
		t.Errorf("read %v", read)
	}
}

// What Kubernetes checks beyond the types, and what the program wants of its pod.
func checkCronJob(t *testing.T, job *batchv1.CronJob) {
	spec := job.Spec.JobTemplate.Spec
	pod := spec.Template.Spec
	if pod.RestartPolicy != corev1.RestartPolicyNever {
		t.Error("a podFailurePolicy wants restartPolicy Never")
	}
	if job.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent {
		t.Error("two runs of one night would fight for the volume")
	}
	if *pod.TerminationGracePeriodSeconds < 30 {
		t.Error("the program is given too little time to publish")
	}
	container := pod.Containers[0]
	for _, rule := range spec.PodFailurePolicy.Rules {
		if rule.OnExitCodes != nil && *rule.OnExitCodes.ContainerName != container.Name {
			t.Errorf("a rule is of the container %q, which is %q", *rule.OnExitCodes.ContainerName, container.Name)
		}
	}
	volumes := map[string]corev1.Volume{}
	for _, volume := range pod.Volumes {
		volumes[volume.Name] = volume
	}
	for _, mount := range container.VolumeMounts {
		if _, there := volumes[mount.Name]; !there {
			t.Errorf("the volume %s is mounted and is not there", mount.Name)
		}
		delete(volumes, mount.Name)
	}
	if len(volumes) > 0 {
		t.Errorf("volumes that are not mounted: %v", volumes)
	}
	security := container.SecurityContext
	if !*security.ReadOnlyRootFilesystem || *security.AllowPrivilegeEscalation || !*pod.SecurityContext.RunAsNonRoot {
		t.Error("the pod is not restricted")
	}
	for _, volume := range pod.Volumes {
		if volume.Secret != nil && (*volume.Secret.DefaultMode != 0o400 || pod.SecurityContext.FSGroup == nil) {
			t.Errorf("the secret has the mode %04o: the program refuses what others may read", *volume.Secret.DefaultMode)
		}
	}
}
