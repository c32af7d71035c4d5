"""What the folder of machines says can be said to a cluster."""

import yaml

from tests.pipeline.project import ROOT


def test_the_pod_keeps_all_on_its_volume_and_is_let_in_nowhere() -> None:
    claim, job = yaml.safe_load_all((ROOT / "machines/kubernetes.yaml").read_text())
    assert (claim["kind"], job["kind"]) == ("PersistentVolumeClaim", "Job")
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (volume,) = pod["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    (mounted,) = container["volumeMounts"]
    assert mounted["name"] == volume["name"]
    kept = [entry["value"] for entry in container["env"] if entry["name"] != "REPOSITORY"]
    assert all(place.startswith(mounted["mountPath"]) for place in [container["workingDir"], *kept])
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_the_pod_builds_with_a_profile_that_there_is() -> None:
    *_, job = yaml.safe_load_all((ROOT / "machines/kubernetes.yaml").read_text())
    script = job["spec"]["template"]["spec"]["containers"][0]["args"][0]
    profile = script.rpartition("PROFILE=")[2].strip()
    assert profile in yaml.safe_load((ROOT / "notebooks/profiles.yml").read_text())


def test_slurm_gives_cores_to_rules_that_there_are() -> None:
    settings = yaml.safe_load((ROOT / "machines/slurm/config.yaml").read_text())
    rules = {
        line.split()[1].rstrip(":")
        for line in (ROOT / "Snakefile").read_text().splitlines()
        if line.startswith("rule ")
    }
    assert {entry.partition("=")[0] for entry in settings["set-threads"]} <= rules
