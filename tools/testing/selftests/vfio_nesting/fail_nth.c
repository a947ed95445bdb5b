// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail_nth.h"

#define DEBUGFS		"/sys/kernel/debug/"

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret < 0 ? -errno : 0;
}

int fail_nth_open(void)
{
	int fd;
	int ret = write_text(DEBUGFS "failslab/ignore-gfp-wait", "N") ?:
		  write_text(DEBUGFS "failslab/verbose", "0") ?:
		  write_text(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N") ?:
		  write_text(DEBUGFS "fail_page_alloc/min-order", "0") ?:
		  write_text(DEBUGFS "fail_page_alloc/verbose", "0") ?:
		  write_text(DEBUGFS "fail_usercopy/verbose", "0");

	if (ret)
		return ret;
	fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool fail_nth_arm(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fd, text, len, 0) == len;
}

/*
 * What asks how many are left, and what ends it, is a copy as well, and may be the
 * one: then one was left.
 */
int fail_nth_disarm(int fd)
{
	char text[16] = "";
	ssize_t ret = pread(fd, text, sizeof(text) - 1, 0);

	if (ret < 0)
		return errno == EFAULT ? 1 : -1;
	if (!ret || (!fail_nth_arm(fd, 0) && (errno != EFAULT || !fail_nth_arm(fd, 0))))
		return -1;
	return atoi(text);
}
