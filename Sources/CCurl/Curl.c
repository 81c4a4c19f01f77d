// Hidden, so that the loaded libcurl never finds these in place of its own.
#pragma GCC visibility push(hidden)
#include "CCurl.h"
#pragma GCC visibility pop

#include <dlfcn.h>
#include <pthread.h>

// curl.h lets macros of the same names check the types of variadic calls.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define EACH(F)                                                                                                        \
  F(global_init) F(easy_init) F(easy_cleanup) F(easy_reset) F(easy_strerror) F(easy_setopt) F(easy_getinfo)            \
  F(multi_init) F(multi_cleanup) F(multi_add_handle) F(multi_remove_handle) F(multi_perform) F(multi_poll)             \
  F(multi_wakeup) F(multi_info_read) F(multi_setopt) F(slist_append) F(slist_free_all)

#define MEMBER(name) __typeof__(&curl_##name) name;
static struct { EACH(MEMBER) } loaded;
static const char *problem;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
#ifdef __APPLE__
  const char *names[] = {"libcurl.4.dylib", "libcurl.dylib"};
#else
  const char *names[] = {"libcurl.so.4", "libcurl.so"};
#endif
  void *library = dlopen(names[0], RTLD_NOW | RTLD_LOCAL);
  if (!library) library = dlopen(names[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    problem = "the library libcurl.so.4 is not installed (Debian and Ubuntu: apt-get install libcurl4)";
    return;
  }
#define FIND(name)                                                                                                     \
  loaded.name = (__typeof__(loaded.name))dlsym(library, "curl_" #name);                                                \
  if (!loaded.name) problem = "the installed libcurl is too old: it has no curl_" #name;
  EACH(FIND)
}

const char *hone_curl_problem(void) {
  pthread_once(&once, load);
  return problem;
}

// Nothing but this can be called before: all else needs a handle, and handles come from the two below it.
CURLcode curl_global_init(long flags) {
  return hone_curl_problem() ? CURLE_FAILED_INIT : loaded.global_init(flags);
}
CURL *curl_easy_init(void) { return hone_curl_problem() ? NULL : loaded.easy_init(); }
CURLM *curl_multi_init(void) { return hone_curl_problem() ? NULL : loaded.multi_init(); }

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text) {
  return hone_curl_problem() ? NULL : loaded.slist_append(list, text);
}
void curl_slist_free_all(struct curl_slist *list) {
  if (list) loaded.slist_free_all(list);
}
const char *curl_easy_strerror(CURLcode code) {
  return hone_curl_problem() ? problem : loaded.easy_strerror(code);
}

void curl_easy_cleanup(CURL *easy) { loaded.easy_cleanup(easy); }
void curl_easy_reset(CURL *easy) { loaded.easy_reset(easy); }
CURLMcode curl_multi_cleanup(CURLM *multi) { return loaded.multi_cleanup(multi); }
CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy) { return loaded.multi_add_handle(multi, easy); }
CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy) { return loaded.multi_remove_handle(multi, easy); }
CURLMcode curl_multi_perform(CURLM *multi, int *running) { return loaded.multi_perform(multi, running); }
CURLMcode curl_multi_poll(CURLM *multi, struct curl_waitfd *more, unsigned count, int milliseconds, int *ready) {
  return loaded.multi_poll(multi, more, count, milliseconds, ready);
}
CURLMcode curl_multi_wakeup(CURLM *multi) { return loaded.multi_wakeup(multi); }
CURLMsg *curl_multi_info_read(CURLM *multi, int *left) { return loaded.multi_info_read(multi, left); }

CURLcode hone_set_long(CURL *easy, CURLoption option, long value) { return loaded.easy_setopt(easy, option, value); }
CURLcode hone_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return loaded.easy_setopt(easy, option, value);
}
CURLcode hone_set_string(CURL *easy, CURLoption option, const char *value) {
  return loaded.easy_setopt(easy, option, value);
}
CURLcode hone_set_pointer(CURL *easy, CURLoption option, const void *value) {
  return loaded.easy_setopt(easy, option, value);
}
CURLcode hone_set_callback(CURL *easy, CURLoption option, hone_data_callback value) {
  return loaded.easy_setopt(easy, option, value);
}
CURLcode hone_set_before_request(CURL *easy, curl_prereq_callback callback, void *context) {
  CURLcode code = loaded.easy_setopt(easy, CURLOPT_PREREQFUNCTION, callback);
  return code == CURLE_OK ? loaded.easy_setopt(easy, CURLOPT_PREREQDATA, context) : code;
}
CURLcode hone_get_long(CURL *easy, CURLINFO info, long *value) { return loaded.easy_getinfo(easy, info, value); }
CURLcode hone_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
  return loaded.easy_getinfo(easy, info, value);
}
CURLcode hone_get_pointer(CURL *easy, CURLINFO info, void **value) {
  return loaded.easy_getinfo(easy, info, (char **)value);
}
CURLMcode hone_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return loaded.multi_setopt(multi, option, value);
}
