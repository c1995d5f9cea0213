// Package docs holds no code: its tests hold the documents of the repository to the code. Their configurations are
// loaded, their commands tried, their quotations compared, their links followed, and what they say is missing is looked for.
package docs
