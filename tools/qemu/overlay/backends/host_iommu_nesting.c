/*
 * Host IOMMU device whose first stage belongs to the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "system/host_iommu_nesting.h"

/* Responses that are handed to the host in one call */
#define NESTING_BATCH 64

typedef enum NestingOp {
    NESTING_BIND,
    NESTING_UNBIND,
    NESTING_INVALIDATE,
    NESTING_SET_RID,
    NESTING_RESPOND,
    NESTING_DRAIN,
    NESTING_FLUSH,
} NestingOp;

/* A queued call: all that it needs, by value */
struct HostIOMMUNestingCall {
    NestingOp op;
    uint64_t number;
    uint32_t pasid;
    HostIOMMUNestingRidMode mode;
    HostIOMMUNestingFirstStage fs;
    union {
        HostIOMMUNestingRange range;
        HostIOMMUNestingResponse response;
        struct {
            void (*done)(void *opaque);
            void *opaque;
        } flush;
    };
    int ret;
    QSIMPLEQ_ENTRY(HostIOMMUNestingCall) next;
};

OBJECT_DEFINE_ABSTRACT_TYPE(HostIOMMUDeviceNesting,
                            host_iommu_device_nesting,
                            HOST_IOMMU_DEVICE_NESTING,
                            HOST_IOMMU_DEVICE)

/* The worker */

static void nesting_run(HostIOMMUDeviceNesting *hiodn,
                        HostIOMMUNestingCall *call)
{
    HostIOMMUDeviceNestingClass *hiodnc =
        HOST_IOMMU_DEVICE_NESTING_GET_CLASS(hiodn);

    switch (call->op) {
    case NESTING_BIND:
        call->ret = hiodnc->bind(hiodn, call->pasid, &call->fs);
        break;
    case NESTING_UNBIND:
        hiodnc->unbind(hiodn, call->pasid);
        break;
    case NESTING_INVALIDATE:
        hiodnc->invalidate(hiodn, &call->range);
        break;
    case NESTING_SET_RID:
        call->ret = hiodnc->set_rid(
            hiodn, call->mode,
            call->mode == HOST_IOMMU_NESTING_RID_FIRST_STAGE ? &call->fs :
                                                               NULL);
        break;
    case NESTING_DRAIN:
        hiodnc->drain(hiodn);
        break;
    default:
        break;
    }
}

/* Move the calls that are served next: one, or as many responses as come. */
static unsigned nesting_take(HostIOMMUDeviceNesting *hiodn,
                             HostIOMMUNestingCalls *calls)
{
    HostIOMMUNestingCall *call;
    unsigned n = 0;

    while ((call = QSIMPLEQ_FIRST(&hiodn->queued))) {
        if (n && (n == NESTING_BATCH || call->op != NESTING_RESPOND)) {
            break;
        }
        QSIMPLEQ_REMOVE_HEAD(&hiodn->queued, next);
        QSIMPLEQ_INSERT_TAIL(calls, call, next);
        n++;
        if (call->op != NESTING_RESPOND) {
            break;
        }
    }
    return n;
}

static void nesting_serve(HostIOMMUDeviceNesting *hiodn,
                          HostIOMMUNestingCalls *calls)
{
    HostIOMMUNestingResponse responses[NESTING_BATCH];
    HostIOMMUNestingCall *call = QSIMPLEQ_FIRST(calls);
    unsigned n = 0;

    if (call->op != NESTING_RESPOND) {
        nesting_run(hiodn, call);
        return;
    }
    QSIMPLEQ_FOREACH(call, calls, next) {
        responses[n++] = call->response;
    }
    HOST_IOMMU_DEVICE_NESTING_GET_CLASS(hiodn)->respond(hiodn, responses, n);
}

static void *nesting_thread(void *opaque)
{
    HostIOMMUDeviceNesting *hiodn = opaque;

    qemu_mutex_lock(&hiodn->lock);
    for (;;) {
        HostIOMMUNestingCalls calls = QSIMPLEQ_HEAD_INITIALIZER(calls);

        if (nesting_take(hiodn, &calls)) {
            qemu_mutex_unlock(&hiodn->lock);
            nesting_serve(hiodn, &calls);
            qemu_mutex_lock(&hiodn->lock);
            QSIMPLEQ_CONCAT(&hiodn->finished, &calls);
            qemu_bh_schedule(hiodn->bh);
        } else if (hiodn->stop) {
            break;
        } else {
            qemu_cond_wait(&hiodn->cond, &hiodn->lock);
        }
    }
    qemu_mutex_unlock(&hiodn->lock);
    return NULL;
}

/* Results, under the BQL */

static void nesting_tell(HostIOMMUDeviceNesting *hiodn,
                         const HostIOMMUNestingCall *call)
{
    switch (call->op) {
    case NESTING_BIND:
        if (call->ret) {
            hiodn->listener->bind_failed(hiodn->listener_opaque, call->pasid,
                                         call->number, call->ret);
        }
        break;
    case NESTING_SET_RID:
        if (call->ret) {
            hiodn->listener->rid_failed(hiodn->listener_opaque, call->number,
                                        call->ret);
        }
        break;
    case NESTING_FLUSH:
        call->flush.done(call->flush.opaque);
        break;
    default:
        break;
    }
}

static void nesting_bh(void *opaque)
{
    HostIOMMUDeviceNesting *hiodn = opaque;
    HostIOMMUNestingCalls calls = QSIMPLEQ_HEAD_INITIALIZER(calls);
    HostIOMMUNestingCall *call;

    qemu_mutex_lock(&hiodn->lock);
    QSIMPLEQ_CONCAT(&calls, &hiodn->finished);
    qemu_mutex_unlock(&hiodn->lock);

    while ((call = QSIMPLEQ_FIRST(&calls))) {
        QSIMPLEQ_REMOVE_HEAD(&calls, next);
        hiodn->pending--;
        if (hiodn->listener) {
            nesting_tell(hiodn, call);
        }
        g_free(call);
    }
}

/* What the virtual IOMMU calls */

static uint64_t nesting_queue(HostIOMMUDeviceNesting *hiodn,
                              HostIOMMUNestingCall *call)
{
    uint64_t number = call->number = ++hiodn->calls;

    hiodn->pending++;
    qemu_mutex_lock(&hiodn->lock);
    QSIMPLEQ_INSERT_TAIL(&hiodn->queued, call, next);
    qemu_cond_signal(&hiodn->cond);
    qemu_mutex_unlock(&hiodn->lock);
    return number;
}

static HostIOMMUNestingCall *nesting_call(NestingOp op)
{
    HostIOMMUNestingCall *call = g_new0(HostIOMMUNestingCall, 1);

    call->op = op;
    return call;
}

void host_iommu_nesting_attach(HostIOMMUDeviceNesting *hiodn,
                               const HostIOMMUNestingListener *listener,
                               void *opaque)
{
    assert(!hiodn->listener);
    hiodn->listener = listener;
    hiodn->listener_opaque = opaque;
    hiodn->stop = false;
    hiodn->bh = qemu_bh_new(nesting_bh, hiodn);
    qemu_thread_create(&hiodn->thread, "iommu-nesting", nesting_thread, hiodn,
                       QEMU_THREAD_JOINABLE);
}

void host_iommu_nesting_detach(HostIOMMUDeviceNesting *hiodn)
{
    hiodn->listener = NULL;
    qemu_mutex_lock(&hiodn->lock);
    hiodn->stop = true;
    qemu_cond_signal(&hiodn->cond);
    qemu_mutex_unlock(&hiodn->lock);

    /* The thread does not need the BQL, but other threads do. */
    bql_unlock();
    qemu_thread_join(&hiodn->thread);
    bql_lock();

    nesting_bh(hiodn);
    qemu_bh_delete(hiodn->bh);
    hiodn->bh = NULL;
}

bool host_iommu_nesting_attached(HostIOMMUDeviceNesting *hiodn)
{
    return hiodn->listener;
}

bool host_iommu_nesting_get_info(HostIOMMUDeviceNesting *hiodn,
                                 HostIOMMUNestingInfo *info, Error **errp)
{
    *info = (HostIOMMUNestingInfo) { };
    return HOST_IOMMU_DEVICE_NESTING_GET_CLASS(hiodn)->get_info(hiodn, info,
                                                                errp);
}

uint64_t host_iommu_nesting_bind(HostIOMMUDeviceNesting *hiodn, uint32_t pasid,
                                 const HostIOMMUNestingFirstStage *fs)
{
    HostIOMMUNestingCall *call = nesting_call(NESTING_BIND);

    call->pasid = pasid;
    call->fs = *fs;
    return nesting_queue(hiodn, call);
}

void host_iommu_nesting_unbind(HostIOMMUDeviceNesting *hiodn, uint32_t pasid)
{
    HostIOMMUNestingCall *call = nesting_call(NESTING_UNBIND);

    call->pasid = pasid;
    nesting_queue(hiodn, call);
}

void host_iommu_nesting_invalidate(HostIOMMUDeviceNesting *hiodn,
                                   const HostIOMMUNestingRange *range)
{
    HostIOMMUNestingCall *call = nesting_call(NESTING_INVALIDATE);

    call->range = *range;
    nesting_queue(hiodn, call);
}

uint64_t host_iommu_nesting_set_rid(HostIOMMUDeviceNesting *hiodn,
                                    HostIOMMUNestingRidMode mode,
                                    const HostIOMMUNestingFirstStage *fs)
{
    HostIOMMUNestingCall *call = nesting_call(NESTING_SET_RID);

    call->mode = mode;
    if (fs) {
        call->fs = *fs;
    }
    return nesting_queue(hiodn, call);
}

void host_iommu_nesting_respond(HostIOMMUDeviceNesting *hiodn,
                                const HostIOMMUNestingResponse *response)
{
    HostIOMMUNestingCall *call = nesting_call(NESTING_RESPOND);

    call->response = *response;
    nesting_queue(hiodn, call);
}

void host_iommu_nesting_drain(HostIOMMUDeviceNesting *hiodn)
{
    if (HOST_IOMMU_DEVICE_NESTING_GET_CLASS(hiodn)->drain) {
        nesting_queue(hiodn, nesting_call(NESTING_DRAIN));
    }
}

void host_iommu_nesting_deliver(HostIOMMUDeviceNesting *hiodn)
{
    HOST_IOMMU_DEVICE_NESTING_GET_CLASS(hiodn)->deliver(hiodn);
}

void host_iommu_nesting_flush(HostIOMMUDeviceNesting *hiodn,
                              void (*done)(void *opaque), void *opaque)
{
    HostIOMMUNestingCall *call = nesting_call(NESTING_FLUSH);

    call->flush.done = done;
    call->flush.opaque = opaque;
    nesting_queue(hiodn, call);
}

unsigned host_iommu_nesting_pending(HostIOMMUDeviceNesting *hiodn)
{
    return hiodn->pending;
}

static void host_iommu_device_nesting_class_init(ObjectClass *oc, void *data)
{
}

static void host_iommu_device_nesting_init(Object *obj)
{
    HostIOMMUDeviceNesting *hiodn = HOST_IOMMU_DEVICE_NESTING(obj);

    qemu_mutex_init(&hiodn->lock);
    qemu_cond_init(&hiodn->cond);
    QSIMPLEQ_INIT(&hiodn->queued);
    QSIMPLEQ_INIT(&hiodn->finished);
}

static void host_iommu_device_nesting_finalize(Object *obj)
{
    HostIOMMUDeviceNesting *hiodn = HOST_IOMMU_DEVICE_NESTING(obj);

    assert(!hiodn->listener);
    qemu_cond_destroy(&hiodn->cond);
    qemu_mutex_destroy(&hiodn->lock);
}
