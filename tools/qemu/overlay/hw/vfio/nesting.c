/*
 * VFIO: the first stage of translation belongs to the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>
#include <sys/ioctl.h>

#include "hw/pci/pci_bus.h"
#include "hw/vfio/vfio-common.h"
#include "nesting.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"
#include "trace.h"

/* Room for the largest group that a device can send */
#define NESTING_RECORDS 512

/* Reads in one turn of the main loop */
#define NESTING_READS 4

/* Faults in one turn; a unit keeps fewer, and counts no lost ones */
#define NESTING_FAULTS 64

/* Responses in one write */
#define NESTING_RESPONSES 64

/* Payloads of operations: the largest holds a table, too. */
#define NESTING_PAYLOAD sizeof(struct iommu_rid_config)

/* Invalidations name requests without PASID by a number that no PASID has. */
#define NESTING_RID 0

/*
 * @container_fd, @device_fd, @fault_fd and @info do not change while a virtual
 * IOMMU is attached, so that its thread may read them. All else belongs to the
 * BQL.
 */
OBJECT_DECLARE_SIMPLE_TYPE(VFIONesting, HOST_IOMMU_DEVICE_NESTING_VFIO)

struct VFIONesting {
    HostIOMMUDeviceNesting parent_obj;

    int container_fd;
    int device_fd;
    int fault_fd;
    struct vfio_nesting_device_info info;

    bool page_requests;         /* The guest has them on. */
    VMChangeStateEntry *vm_state;
    struct iommu_fault records[NESTING_RECORDS];
};

OBJECT_DEFINE_SIMPLE_TYPE(VFIONesting, host_iommu_device_nesting_vfio,
                          HOST_IOMMU_DEVICE_NESTING_VFIO,
                          HOST_IOMMU_DEVICE_NESTING)

static VFIONesting *vfio_nesting(VFIODevice *vbasedev)
{
    return HOST_IOMMU_DEVICE_NESTING_VFIO(vbasedev->hiod);
}

/* Containers */

int vfio_nesting_iommu_type(int container_fd, Error **errp)
{
    if (ioctl(container_fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1_NESTING_IOMMU)) {
        return VFIO_TYPE1_NESTING_IOMMU;
    }
    error_setg(errp, "the host kernel offers no nested translation for this "
               "device (CONFIG_VFIO_IOMMU_NESTING, intel_iommu=sm_on)");
    return -EINVAL;
}

static const struct iommu_nesting_info *
vfio_nesting_info(struct vfio_iommu_type1_info *info, Error **errp)
{
    struct vfio_info_cap_header *header = NULL;

    if (info->flags & VFIO_IOMMU_INFO_CAPS) {
        header = vfio_get_cap(info, info->cap_offset,
                              VFIO_IOMMU_TYPE1_INFO_CAP_NESTING);
    }
    if (!header) {
        error_setg(errp, "the host kernel offers no nested translation for "
                   "this device (CONFIG_VFIO_IOMMU_NESTING, "
                   "intel_iommu=sm_on)");
        return NULL;
    }
    return &container_of(header, struct vfio_iommu_type1_info_cap_nesting,
                         header)->info;
}

bool vfio_nesting_setup(VFIOContainer *container,
                        struct vfio_iommu_type1_info *info, Error **errp)
{
    const struct iommu_nesting_info *nesting = vfio_nesting_info(info, errp);

    if (!nesting) {
        return false;
    }
    container->bcontainer.nesting = true;
    container->bcontainer.no_ro_map =
        nesting->features & IOMMU_NESTING_FEAT_NO_RO_MAP;
    return true;
}

static bool vfio_nesting_owns(const VFIOContainerBase *bcontainer,
                              const MemoryRegion *mr)
{
    VFIODevice *vbasedev;

    QLIST_FOREACH(vbasedev, &bcontainer->device_list, container_next) {
        if (OBJECT(vbasedev->dev) == memory_region_owner(mr)) {
            return true;
        }
    }
    return false;
}

bool vfio_nesting_skips(const VFIOContainerBase *bcontainer,
                        const MemoryRegionSection *section)
{
    if (!bcontainer->nesting) {
        return false;
    }
    if (section->readonly && bcontainer->no_ro_map) {
        return true;
    }
    return memory_region_is_ram_device(section->mr) &&
           !vfio_nesting_owns(bcontainer, section->mr);
}

/* Operations; these may run in the thread of the device. */

/* The kernel writes to @payload in some of them. Returns -errno, or >= 0. */
static int vfio_nesting_op(VFIONesting *n, enum vfio_nesting_op op,
                           void *payload, size_t size)
{
    struct {
        struct vfio_iommu_type1_nesting_op op;
        struct vfio_nesting_device device;
        uint8_t payload[NESTING_PAYLOAD];
    } request = {
        .op.argsz = offsetof(typeof(request), payload) + size,
        .op.flags = op | VFIO_NESTING_FLAG_DEVICE,
        .device.fd = n->device_fd,
    };
    int ret;

    assert(size <= sizeof(request.payload));
    if (size) {
        memcpy(request.payload, payload, size);
    }
    ret = ioctl(n->container_fd, VFIO_IOMMU_NESTING_OP, &request);
    if (ret < 0) {
        return -errno;
    }
    if (size) {
        memcpy(payload, request.payload, size);
    }
    return ret;
}

/* The kernel's PASIDs belong to the container, so any number can be had. */
static int vfio_nesting_pasid(VFIONesting *n, uint32_t flags, uint32_t pasid)
{
    struct vfio_iommu_type1_pasid_request request = {
        .argsz = sizeof(request),
        .flags = flags,
        .range = { pasid, pasid },
    };

    return ioctl(n->container_fd, VFIO_IOMMU_PASID_REQUEST, &request) < 0 ?
           -errno : 0;
}

/* Unbinds, waits for that, and gives the quota of the number back. */
static void vfio_nesting_unbind(HostIOMMUDeviceNesting *hiodn, uint32_t pasid)
{
    VFIONesting *n = HOST_IOMMU_DEVICE_NESTING_VFIO(hiodn);
    int ret = vfio_nesting_pasid(n, VFIO_IOMMU_FLAG_FREE_PASID, pasid);

    trace_vfio_nesting_unbind(n->device_fd, pasid, ret);
}

static struct iommu_gpasid_bind_data
vfio_nesting_table(const HostIOMMUNestingFirstStage *fs, uint32_t pasid)
{
    return (struct iommu_gpasid_bind_data) {
        .argsz = sizeof(struct iommu_gpasid_bind_data),
        .version = IOMMU_GPASID_BIND_VERSION_1,
        .format = IOMMU_PASID_FORMAT_INTEL_VTD,
        .addr_width = fs->addr_width,
        .gpgd = fs->table,
        .hpasid = pasid,
        .vendor.vtd.flags = (fs->sre ? IOMMU_SVA_VTD_GPASID_SRE : 0) |
                            (fs->wpe ? IOMMU_SVA_VTD_GPASID_WPE : 0),
    };
}

static int vfio_nesting_bind(HostIOMMUDeviceNesting *hiodn, uint32_t pasid,
                             const HostIOMMUNestingFirstStage *fs)
{
    VFIONesting *n = HOST_IOMMU_DEVICE_NESTING_VFIO(hiodn);
    struct iommu_gpasid_bind_data data = vfio_nesting_table(fs, pasid);
    int ret = vfio_nesting_op(n, VFIO_IOMMU_NESTING_OP_BIND_PGTBL,
                              &data, sizeof(data));

    /* The container does not have the PASID yet. */
    if (ret == -ENOENT) {
        ret = vfio_nesting_pasid(n, VFIO_IOMMU_FLAG_ALLOC_PASID, pasid);
        if (!ret) {
            ret = vfio_nesting_op(n, VFIO_IOMMU_NESTING_OP_BIND_PGTBL,
                                  &data, sizeof(data));
        }
    }
    trace_vfio_nesting_bind(n->device_fd, pasid, fs->table, fs->addr_width,
                            ret);
    if (ret < 0) {
        vfio_nesting_unbind(hiodn, pasid);
        return ret;
    }
    return 0;
}

static int vfio_nesting_set_rid(HostIOMMUDeviceNesting *hiodn,
                                HostIOMMUNestingRidMode mode,
                                const HostIOMMUNestingFirstStage *fs)
{
    static const uint32_t modes[] = {
        [HOST_IOMMU_NESTING_RID_PASS] = IOMMU_RID_PASS,
        [HOST_IOMMU_NESTING_RID_BLOCK] = IOMMU_RID_BLOCK,
        [HOST_IOMMU_NESTING_RID_FIRST_STAGE] = IOMMU_RID_FIRST_STAGE,
    };
    VFIONesting *n = HOST_IOMMU_DEVICE_NESTING_VFIO(hiodn);
    struct iommu_rid_config data = {
        .argsz = sizeof(data),
        .mode = modes[mode],
    };
    int ret;

    if (fs) {
        data.bind = vfio_nesting_table(fs, 0);
    }
    ret = vfio_nesting_op(n, VFIO_IOMMU_NESTING_OP_SET_RID,
                          &data, sizeof(data));
    trace_vfio_nesting_set_rid(n->device_fd, mode, fs ? fs->table : 0, ret);
    return MIN(ret, 0);
}

static void vfio_nesting_invalidate(HostIOMMUDeviceNesting *hiodn,
                                    const HostIOMMUNestingRange *range)
{
    VFIONesting *n = HOST_IOMMU_DEVICE_NESTING_VFIO(hiodn);
    struct iommu_cache_invalidate_info data = {
        .argsz = sizeof(data),
        .version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
        .cache = IOMMU_CACHE_INV_TYPE_IOTLB | IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
    };
    uint32_t pasid = range->pasid == PCI_NO_PASID ? NESTING_RID : range->pasid;
    int ret;

    if (range->size) {
        data.granularity = IOMMU_INV_GRANU_ADDR;
        data.granu.addr_info = (struct iommu_inv_addr_info) {
            .flags = IOMMU_INV_ADDR_FLAGS_PASID |
                     (range->leaf ? IOMMU_INV_ADDR_FLAGS_LEAF : 0),
            .pasid = pasid,
            .addr = range->addr,
            .granule_size = range->size,
            .nb_granules = 1,
        };
    } else {
        data.granularity = IOMMU_INV_GRANU_PASID;
        data.granu.pasid_info = (struct iommu_inv_pasid_info) {
            .flags = IOMMU_INV_PASID_FLAGS_PASID,
            .pasid = pasid,
        };
    }

    /* A device that did not complete is told of by a record of its own. */
    ret = vfio_nesting_op(n, VFIO_IOMMU_NESTING_OP_CACHE_INVLD,
                          &data, sizeof(data));
    trace_vfio_nesting_invalidate(n->device_fd, range->pasid, range->addr,
                                  range->size, range->leaf, ret);
    if (ret < 0 && ret != -EIO) {
        warn_report_once("vfio: an invalidation for the guest failed: %s",
                         strerror(-ret));
    }
}

static void vfio_nesting_respond(HostIOMMUDeviceNesting *hiodn,
                                 const HostIOMMUNestingResponse *responses,
                                 unsigned count)
{
    VFIONesting *n = HOST_IOMMU_DEVICE_NESTING_VFIO(hiodn);
    struct iommu_page_response data[NESTING_RESPONSES];
    unsigned filled, done;
    ssize_t ret;

    for (; count; count -= filled, responses += filled) {
        filled = MIN(count, ARRAY_SIZE(data));
        for (unsigned i = 0; i < filled; i++) {
            data[i] = (struct iommu_page_response) {
                .argsz = sizeof(data[i]),
                .version = IOMMU_PAGE_RESP_VERSION_1,
                .flags = IOMMU_PAGE_RESP_COOKIE_VALID,
                .grpid = responses[i].prgi,
                .code = responses[i].code,
                .cookie = responses[i].cookie,
            };
            if (responses[i].pasid != PCI_NO_PASID) {
                data[i].flags |= IOMMU_PAGE_RESP_PASID_VALID;
                data[i].pasid = responses[i].pasid;
            }
            trace_vfio_nesting_respond(n->device_fd, responses[i].pasid,
                                       responses[i].prgi, responses[i].code,
                                       responses[i].cookie);
        }
        /* The one that stops a write is a group that has ended: skip it. */
        for (done = 0; done < filled; done += ret) {
            ret = write(n->fault_fd, &data[done],
                        (filled - done) * sizeof(data[0]));
            if (ret < 0 && errno == EINTR) {
                ret = 0;
            } else if (ret < 0) {
                if (errno != ENOENT) {
                    warn_report_once("vfio: answers to page requests failed: "
                                     "%s", strerror(errno));
                }
                ret = 1;
            } else {
                ret /= sizeof(data[0]);
            }
        }
    }
}

static void vfio_nesting_drain(HostIOMMUDeviceNesting *hiodn)
{
    VFIONesting *n = HOST_IOMMU_DEVICE_NESTING_VFIO(hiodn);
    int ret = 0;

    /* A device that sends no page requests has none to wait for. */
    if (n->info.page_request_limit) {
        ret = vfio_nesting_op(n, VFIO_IOMMU_NESTING_OP_DRAIN, NULL, 0);
    }
    trace_vfio_nesting_drain(n->device_fd, ret);
}

/* Records */

static void vfio_nesting_set_handler(VFIONesting *n, bool on);

static void vfio_nesting_gone(VFIONesting *n, const char *reason)
{
    HostIOMMUDeviceNesting *hiodn = HOST_IOMMU_DEVICE_NESTING(n);

    hiodn->listener->gone(hiodn->listener_opaque, reason);
}

static void vfio_nesting_fault(VFIONesting *n,
                               const struct iommu_fault_unrecoverable *event)
{
    HostIOMMUDeviceNesting *hiodn = HOST_IOMMU_DEVICE_NESTING(n);
    HostIOMMUNestingFault fault = {
        .reason = event->reason,
        .pasid = PCI_NO_PASID,
        .read = event->perm & IOMMU_FAULT_PERM_READ,
        .write = event->perm & IOMMU_FAULT_PERM_WRITE,
        .exec = event->perm & IOMMU_FAULT_PERM_EXEC,
        .priv = event->perm & IOMMU_FAULT_PERM_PRIV,
    };

    if (event->flags & IOMMU_FAULT_UNRECOV_PASID_VALID) {
        fault.pasid = event->pasid;
    }
    if (event->flags & IOMMU_FAULT_UNRECOV_ADDR_VALID) {
        fault.addr = event->addr;
    }
    trace_vfio_nesting_fault(n->device_fd, event->reason, fault.pasid,
                             fault.addr);
    if (event->reason == IOMMU_FAULT_REASON_DEVICE_OFF) {
        vfio_nesting_gone(n, "the device does not complete invalidations and "
                          "was cut off from memory until it is reset");
    } else {
        hiodn->listener->fault(hiodn->listener_opaque, &fault);
    }
}

static HostIOMMUNestingPageRequest
vfio_nesting_request(const struct iommu_fault_page_request *prm)
{
    bool pasid = prm->flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;

    return (HostIOMMUNestingPageRequest) {
        .pasid = pasid ? prm->pasid : PCI_NO_PASID,
        .addr = prm->addr,
        .prgi = prm->grpid,
        .read = prm->perm & IOMMU_FAULT_PERM_READ,
        .write = prm->perm & IOMMU_FAULT_PERM_WRITE,
        .exec = prm->perm & IOMMU_FAULT_PERM_EXEC,
        .priv = prm->perm & IOMMU_FAULT_PERM_PRIV,
        .last = prm->flags & IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE,
        .needs_pasid = prm->flags & IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID,
        .cookie = prm->cookie,
    };
}

/* A group that ended before it was read is no business of the guest. */
static bool vfio_nesting_ended(const struct iommu_fault *after,
                               unsigned count, uint64_t cookie)
{
    for (unsigned i = 0; i < count; i++) {
        if (after[i].type == IOMMU_FAULT_PAGE_REQ_END &&
            after[i].end.cookie == cookie) {
            return true;
        }
    }
    return false;
}

/* Hand one group over; returns the number of its records. */
static unsigned vfio_nesting_group(VFIONesting *n,
                                   const struct iommu_fault *records,
                                   unsigned count)
{
    HostIOMMUDeviceNesting *hiodn = HOST_IOMMU_DEVICE_NESTING(n);
    g_autofree HostIOMMUNestingPageRequest *reqs =
        g_new(HostIOMMUNestingPageRequest, count);
    HostIOMMUNestingPageRequest *last = NULL;
    unsigned i;

    for (i = 0; i < count && !last; i++) {
        if (records[i].type != IOMMU_FAULT_PAGE_REQ) {
            break;
        }
        reqs[i] = vfio_nesting_request(&records[i].prm);
        last = reqs[i].last ? &reqs[i] : NULL;
    }
    if (!last || vfio_nesting_ended(&records[i], count - i, last->cookie)) {
        return i;
    }
    trace_vfio_nesting_page_request(n->device_fd, last->pasid, last->prgi, i,
                                    last->addr, last->cookie);

    if (n->page_requests) {
        hiodn->listener->page_requests(hiodn->listener_opaque, reqs, i);
    } else {
        /* The host has them on as long as the file is open. */
        HostIOMMUNestingResponse response = {
            .pasid = last->pasid,
            .prgi = last->prgi,
            .needs_pasid = last->needs_pasid,
            .code = HOST_IOMMU_NESTING_INVALID,
            .cookie = last->cookie,
        };

        host_iommu_nesting_respond(hiodn, &response);
    }
    return i;
}

static void vfio_nesting_end(VFIONesting *n,
                             const struct iommu_fault_page_req_end *end)
{
    HostIOMMUDeviceNesting *hiodn = HOST_IOMMU_DEVICE_NESTING(n);
    bool pasid = end->flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;

    trace_vfio_nesting_end(n->device_fd, pasid ? end->pasid : PCI_NO_PASID,
                           end->grpid, end->cause, end->cookie);
    if (end->cause != IOMMU_FAULT_END_UNBIND) {
        hiodn->listener->page_request_end(hiodn->listener_opaque,
                                          pasid ? end->pasid : PCI_NO_PASID,
                                          end->grpid, end->cookie);
    }
}

static void vfio_nesting_handle(VFIONesting *n, unsigned count,
                                unsigned *faults)
{
    const struct iommu_fault *record;
    unsigned i = 0;

    while (i < count) {
        record = &n->records[i];
        switch (record->type) {
        case IOMMU_FAULT_PAGE_REQ:
            i += vfio_nesting_group(n, record, count - i);
            continue;
        case IOMMU_FAULT_PAGE_REQ_END:
            vfio_nesting_end(n, &record->end);
            break;
        case IOMMU_FAULT_DMA_UNRECOV:
            if (*faults) {
                --*faults;
                vfio_nesting_fault(n, &record->event);
            }
            break;
        case IOMMU_FAULT_OVERFLOW:
            warn_report_once("vfio: faults of a device were lost, %" PRIu64
                             " so far", (uint64_t)record->overflow.lost);
            break;
        default:
            break;
        }
        i++;
    }
}

/* Read at most @reads times; true if there may be more. */
static bool vfio_nesting_read(VFIONesting *n, unsigned reads)
{
    unsigned faults = NESTING_FAULTS;
    ssize_t ret;

    while (reads-- &&
           host_iommu_nesting_attached(HOST_IOMMU_DEVICE_NESTING(n))) {
        ret = read(n->fault_fd, n->records, sizeof(n->records));
        if (ret > 0) {
            vfio_nesting_handle(n, ret / sizeof(n->records[0]), &faults);
        } else if (ret < 0 && errno == EAGAIN) {
            return false;
        } else if (ret < 0 && errno == EINTR) {
            continue;
        } else {
            vfio_nesting_set_handler(n, false);
            vfio_nesting_gone(n, "the host tells nothing of the device any "
                              "more");
            return false;
        }
    }
    return true;
}

static void vfio_nesting_readable(void *opaque)
{
    vfio_nesting_read(opaque, NESTING_READS);
}

static void vfio_nesting_set_handler(VFIONesting *n, bool on)
{
    qemu_set_fd_handler(n->fault_fd, on ? vfio_nesting_readable : NULL, NULL,
                        n);
}

/*
 * The device can have no more records in the file than the kernel lets it, but
 * it can go on sending.
 */
static void vfio_nesting_deliver(HostIOMMUDeviceNesting *hiodn)
{
    vfio_nesting_read(HOST_IOMMU_DEVICE_NESTING_VFIO(hiodn), NESTING_READS);
}

/* What a VM that does not run has no answer to can wait a little longer. */
static void vfio_nesting_vm_state(void *opaque, bool running, RunState state)
{
    VFIONesting *n = opaque;
    struct vfio_nesting_fault_timeout timeout = {
        .argsz = sizeof(timeout),
        .timeout_ms = running ? 0 : UINT32_MAX,
    };

    if (n->info.page_request_limit) {
        vfio_nesting_op(n, VFIO_IOMMU_NESTING_OP_FAULT_TIMEOUT,
                        &timeout, sizeof(timeout));
    }
    vfio_nesting_set_handler(n, running);
}

/* Life of a device */

static bool vfio_nesting_describe(VFIONesting *n, Error **errp)
{
    int ret;

    n->info = (struct vfio_nesting_device_info) { .argsz = sizeof(n->info) };
    ret = vfio_nesting_op(n, VFIO_IOMMU_NESTING_OP_GET_DEVICE_INFO,
                          &n->info, sizeof(n->info));
    if (ret < 0) {
        error_setg_errno(errp, -ret, "the host does not describe the device "
                         "for nested translation");
        return false;
    }
    return true;
}

static int vfio_nesting_open_faults(VFIONesting *n, bool page_requests)
{
    struct vfio_nesting_fault_fd data = {
        .argsz = sizeof(data),
        .flags = page_requests ? VFIO_NESTING_FAULT_PAGE_REQ |
                                 VFIO_NESTING_FAULT_REQ_END : 0,
    };

    return vfio_nesting_op(n, VFIO_IOMMU_NESTING_OP_GET_FAULT_FD,
                           &data, sizeof(data));
}

bool vfio_nesting_open(VFIODevice *vbasedev, Error **errp)
{
    VFIONesting *n = vfio_nesting(vbasedev);
    int fd = -EOPNOTSUPP;

    n->container_fd = vbasedev->group->container->fd;
    n->device_fd = vbasedev->fd;
    if (!vfio_nesting_describe(n, errp)) {
        return false;
    }
    if (n->info.flags & VFIO_NESTING_DEVICE_PRI) {
        fd = vfio_nesting_open_faults(n, true);
    }
    if (fd == -EOPNOTSUPP || fd == -ENOSPC) {
        warn_report(VFIO_MSG_PREFIX "no page requests%s, the guest has to pin "
                    "the memory of the device", vbasedev->name,
                    fd == -ENOSPC ? ": no room in the host's queue" : "");
        fd = vfio_nesting_open_faults(n, false);
    }
    if (fd < 0) {
        error_setg_errno(errp, -fd, "cannot open the faults of the device");
        return false;
    }
    n->fault_fd = fd;
    g_unix_set_fd_nonblocking(fd, true, NULL);

    /* How many page requests it may send is known now. */
    if (!vfio_nesting_describe(n, errp)) {
        vfio_nesting_close(vbasedev);
        return false;
    }
    return true;
}

bool vfio_nesting_start(VFIODevice *vbasedev, Error **errp)
{
    VFIONesting *n = vfio_nesting(vbasedev);

    if (!host_iommu_nesting_attached(HOST_IOMMU_DEVICE_NESTING(n))) {
        error_setg(errp, "nesting=on needs -device intel-iommu,x-nested=on,"
                   "caching-mode=on before this device");
        return false;
    }
    n->vm_state = qdev_add_vm_change_state_handler(vbasedev->dev,
                                                   vfio_nesting_vm_state, n);
    /* The handler is called when that changes. */
    vfio_nesting_set_handler(n, runstate_is_running());
    return true;
}

void vfio_nesting_stop(VFIODevice *vbasedev)
{
    VFIONesting *n;

    if (!vbasedev->nesting) {
        return;
    }
    n = vfio_nesting(vbasedev);
    g_clear_pointer(&n->vm_state, qemu_del_vm_change_state_handler);
    if (n->fault_fd >= 0) {
        vfio_nesting_set_handler(n, false);
    }
}

void vfio_nesting_close(VFIODevice *vbasedev)
{
    VFIONesting *n;

    if (!vbasedev->nesting) {
        return;
    }
    n = vfio_nesting(vbasedev);
    if (n->fault_fd >= 0) {
        close(n->fault_fd);
        n->fault_fd = -1;
    }
}

const struct vfio_nesting_device_info *
vfio_nesting_get_device_info(VFIODevice *vbasedev)
{
    return &vfio_nesting(vbasedev)->info;
}

bool vfio_nesting_has_page_requests(VFIODevice *vbasedev)
{
    return vfio_nesting(vbasedev)->info.page_request_limit;
}

void vfio_nesting_set_page_requests(VFIODevice *vbasedev, bool on)
{
    VFIONesting *n = vfio_nesting(vbasedev);
    HostIOMMUDeviceNesting *hiodn = HOST_IOMMU_DEVICE_NESTING(n);

    n->page_requests = on;
    if (host_iommu_nesting_attached(hiodn)) {
        hiodn->listener->page_requests_reset(hiodn->listener_opaque);
    }
}

/* The class */

static bool vfio_nesting_get_info(HostIOMMUDeviceNesting *hiodn,
                                  HostIOMMUNestingInfo *out, Error **errp)
{
    VFIONesting *n = HOST_IOMMU_DEVICE_NESTING_VFIO(hiodn);
    g_autofree struct vfio_iommu_type1_info *info = NULL;
    const struct iommu_nesting_info *nesting;
    uint32_t argsz = sizeof(*info);

    do {
        g_free(info);
        info = g_malloc0(argsz);
        info->argsz = argsz;
        if (ioctl(n->container_fd, VFIO_IOMMU_GET_INFO, info)) {
            error_setg_errno(errp, errno, "Failed to get VFIO IOMMU info");
            return false;
        }
    } while (info->argsz > argsz && (argsz = info->argsz));

    nesting = vfio_nesting_info(info, errp);
    if (!nesting) {
        return false;
    }
    *out = (HostIOMMUNestingInfo) {
        .format = nesting->format,
        .pasid_bits = n->info.pasid_bits,
        .syswide_pasid = nesting->features & IOMMU_NESTING_FEAT_SYSWIDE_PASID,
        .bind = nesting->features & IOMMU_NESTING_FEAT_BIND_PGTBL,
        .invalidate = nesting->features & IOMMU_NESTING_FEAT_CACHE_INVLD,
        .set_rid = nesting->features & IOMMU_NESTING_FEAT_RID,
        .page_requests = n->info.page_request_limit,
        .page_request_limit = n->info.page_request_limit,
    };
    if (nesting->format == IOMMU_PASID_FORMAT_INTEL_VTD) {
        out->vtd_cap = nesting->vendor.vtd.cap_reg;
        out->vtd_ecap = nesting->vendor.vtd.ecap_reg;
    }
    return true;
}

static void host_iommu_device_nesting_vfio_init(Object *obj)
{
    HOST_IOMMU_DEVICE_NESTING_VFIO(obj)->fault_fd = -1;
}

static void host_iommu_device_nesting_vfio_finalize(Object *obj)
{
}

static void host_iommu_device_nesting_vfio_class_init(ObjectClass *oc,
                                                      void *data)
{
    HostIOMMUDeviceNestingClass *hiodnc = HOST_IOMMU_DEVICE_NESTING_CLASS(oc);
    HostIOMMUDeviceClass *hiodc = HOST_IOMMU_DEVICE_CLASS(oc);
    HostIOMMUDeviceClass *legacy = HOST_IOMMU_DEVICE_CLASS(
        object_class_by_name(TYPE_HOST_IOMMU_DEVICE_LEGACY_VFIO));

    /* The container's ranges and pages are described as those of any other. */
    hiodc->realize = legacy->realize;
    hiodc->get_cap = legacy->get_cap;
    hiodc->get_iova_ranges = legacy->get_iova_ranges;
    hiodc->get_page_size_mask = legacy->get_page_size_mask;

    hiodnc->get_info = vfio_nesting_get_info;
    hiodnc->bind = vfio_nesting_bind;
    hiodnc->unbind = vfio_nesting_unbind;
    hiodnc->invalidate = vfio_nesting_invalidate;
    hiodnc->set_rid = vfio_nesting_set_rid;
    hiodnc->respond = vfio_nesting_respond;
    hiodnc->drain = vfio_nesting_drain;
    hiodnc->deliver = vfio_nesting_deliver;
}
