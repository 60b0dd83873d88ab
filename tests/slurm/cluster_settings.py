"""What the daemons of the cluster read: slurm.conf, gres.conf, cgroup.conf and slurmdbd.conf, as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Size and addresses of a cluster.

    Attributes
    ----------
    folder : str
        Where all its files lie.
    host : str
        Name of this machine, which all nodes share.
    ports : list of int
        Of slurmctld, slurmdbd and one per node.
    cgroups : bool
        Whether jobs are held in control groups.
    cpus, memory_MB, gpus : int
        What each node claims to have.
    """

    folder: str
    host: str
    ports: list[int]
    cgroups: bool
    cpus: int = 16
    memory_MB: int = 64000
    gpus: int = 1

    @property
    def nodes(self) -> dict[str, int]:
        """Nodes and their ports, after which they are called: no two clusters of a machine share a name."""
        return {f"node{port}": port for port in self.ports[2:]}

    def gpu_devices(self) -> list[Path]:
        """Device files that stand for GPUs."""
        return [Path(self.folder, "dev", node, f"gpu{index}") for node in self.nodes for index in range(self.gpus)]


def slurm_conf(layout: Layout) -> str:
    """Partitions `cpu` and `gpu` over the first nodes, `apart` with the last; cores, memory and GPUs are shared out."""
    folder = layout.folder
    settings = {
        "ClusterName": "assay",
        "SlurmctldHost": f"{layout.host}(127.0.0.1)",
        "SlurmctldPort": layout.ports[0],
        # daemons bind to the address of their own name instead of to all
        "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={folder}/run/munge.sock",
        "SlurmUser": "root",
        "SlurmdUser": "root",
        "StateSaveLocation": f"{folder}/state",
        "SlurmdSpoolDir": f"{folder}/spool/%n",
        "SlurmctldPidFile": f"{folder}/run/slurmctld.pid",
        "SlurmdPidFile": f"{folder}/run/slurmd.%n.pid",
        "SwitchType": "switch/none",
        "MpiDefault": "none",
        "ReturnToService": 2,
        "SchedulerType": "sched/backfill",
        # a cluster for tests reacts at once
        "SchedulerParameters": "sched_interval=1,bf_interval=1,sched_min_interval=10000,batch_sched_delay=0",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "GresTypes": "gpu",
        # nodes may claim more than the machine has
        "SlurmdParameters": "config_overrides",
        "KillWait": 2,
        # what no partition could ever run is refused instead of waiting for ever
        "EnforcePartLimits": "ALL",
        "MinJobAge": 300,
        "AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStorageTRES": "gres/gpu",
        "AccountingStorageHost": "127.0.0.1",
        "AccountingStoragePort": layout.ports[1],
        # not a password: the socket of munge for the connection to slurmdbd, where AuthInfo is not used
        "AccountingStoragePass": f"{folder}/run/munge.sock",
        "AccountingStoreFlags": "job_comment",
    }
    if layout.cgroups:
        settings |= {"ProctrackType": "proctrack/cgroup", "TaskPlugin": "task/cgroup"}
        settings |= {"JobAcctGatherType": "jobacct_gather/cgroup", "JobAcctGatherFrequency": "task=1"}
    else:
        settings |= {"ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none"}
        settings |= {"JobAcctGatherType": "jobacct_gather/linux", "JobAcctGatherFrequency": "task=1"}
        # memory is polled, since nothing else limits it
        settings |= {"JobAcctGatherParams": "OverMemoryKill,UsePss"}
    lines = [f"{key}={value}" for key, value in settings.items()]
    for node, port in layout.nodes.items():
        hardware = f"CPUs={layout.cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={layout.cpus} ThreadsPerCore=1"
        hardware += f" RealMemory={layout.memory_MB} Gres=gpu:{layout.gpus}"
        lines.append(f"NodeName={node} NodeHostname={layout.host} NodeAddr=127.0.0.1 Port={port} {hardware}")
    *shared, apart = layout.nodes
    for partition, nodes in (("cpu", shared), ("gpu", shared), ("apart", [apart])):
        default = "YES" if partition == "cpu" else "NO"
        lines.append(f"PartitionName={partition} Nodes={','.join(nodes)} Default={default} MaxTime=1-00:00:00 State=UP")
    return "\n".join([*lines, ""])


def gres_conf(layout: Layout) -> str:
    """A device file per GPU: with a count alone, SLURM would not tell a job which GPU is its own."""
    lines = [f"NodeName={path.parent.name} Name=gpu File={path}" for path in layout.gpu_devices()]
    return "\n".join([*lines, ""])


def cgroup_conf() -> str:
    """Jobs are held to their memory; cores and devices are left alone, since they are made up."""
    lines = ["CgroupPlugin=cgroup/v1", "CgroupMountpoint=/sys/fs/cgroup", "CgroupAutomount=no"]
    lines += ["ConstrainRAMSpace=yes", "ConstrainSwapSpace=no", "ConstrainCores=no", "ConstrainDevices=no"]
    return "\n".join([*lines, ""])


def slurmdbd_conf(layout: Layout) -> str:
    """Accounting in a MariaDB that listens on a socket alone."""
    settings = {
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={layout.folder}/run/munge.sock",
        "DbdHost": layout.host,
        "DbdAddr": "127.0.0.1",
        "DbdPort": layout.ports[1],
        "SlurmUser": "root",
        "PidFile": f"{layout.folder}/run/slurmdbd.pid",
        "StorageType": "accounting_storage/mysql",
        "StorageHost": "localhost",
        "StorageUser": "root",
        "StorageLoc": "slurm_acct_db",
        "CommunicationParameters": "NoInAddrAny",
    }
    return "\n".join([*(f"{key}={value}" for key, value in settings.items()), ""])
