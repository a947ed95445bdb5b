// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boot another kernel from this one, while a process shares its memory with the device
 *
 * It runs in a guest. The new kernel gets what this one got: its command line
 * and its initramfs, which the kernel has kept (retain_initrd).
 */
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "native.h"
#include "pgtable.h"
#include "svatest.h"

#define PATTERN		0x1122334455667788ULL

static int load(void)
{
	int kernel = open("/bzImage", O_RDONLY);
	int initrd = open("/sys/firmware/initrd", O_RDONLY);
	int parameters = open("/proc/cmdline", O_RDONLY);
	char line[2048];
	ssize_t len;

	len = read(parameters, line, sizeof(line));
	if (len <= 0)
		return -1;
	line[len - 1] = 0;
	return syscall(SYS_kexec_file_load, kernel, initrd, len, line, 0UL);
}

/* A page that comes on request */
static int work(struct vmm_device *dev)
{
	uint64_t *page = mmap(NULL, SIZE_4K, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int pasid;

	if (page == MAP_FAILED || native_open(dev, 0, NULL))
		return -1;
	pasid = native_bind(dev);
	if (pasid < 0)
		return -1;
	svatest_write(dev, SVATEST_R_CHANNEL(0) + SVATEST_C_RETRIES, 8);
	svatest_setup(dev, 0, pasid, SVATEST_CF_ATS | SVATEST_CF_PRI);
	if (svatest_fill(dev, 0, (uintptr_t)page, PATTERN, 8) != SVATEST_ST_OK)
		return -1;
	return *page == PATTERN ? 0 : -1;
}

int main(void)
{
	struct vmm_device dev;

	if (load()) {
		perror("kexec_file_load");
		return 1;
	}
	if (work(&dev)) {
		printf("the device does not work for this process\n");
		return 1;
	}
	reboot(LINUX_REBOOT_CMD_KEXEC);
	perror("kexec");
	return 1;
}
